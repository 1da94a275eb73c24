"""Where mailbox providers' services report what came back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pipeline.feedback.webhooks import WebhookRefused

Hook = Callable[[Mapping[str, str], bytes], object]

_log = logging.getLogger("broadsheet")


class Hooks(Struct, frozen=True):
    """One address for each webhook of the settings."""

    webhook: Callable[[str], Hook | None]  # None: the settings name no such one

    async def act(self, request: Request) -> Response:
        """POST: pass on what came, byte for byte, since that is what is signed."""
        name = request.path_params["name"]
        hook = await run_in_threadpool(self.webhook, name)
        if hook is None:
            return PlainTextResponse("Not Found\n", 404)
        body = await request.body()
        try:
            # Lower-case names; of several headers with one name, the last.
            await run_in_threadpool(hook, dict(request.headers), body)
        except WebhookRefused as error:
            # Whoever is refused learns nothing of why; the operator reads it in the log.
            _log.warning("hooks/%s: refused: %s", name, error)
            return Response(status_code=401 if error.forged else 400)
        return Response(status_code=204)
