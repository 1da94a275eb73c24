"""broadsheet serve."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from pipeline.cli.interrupt import Interruption
from pipeline.cli.place import Place, pass_place
from pipeline.errors import BroadsheetError, ConfigError

if TYPE_CHECKING:
    from pipeline.app import App
    from pipeline.operations.tick import Ticked

LISTEN_EVERY_S: Final = 300.0  # where the mailbox does not announce mail


@click.command(epilog="Example: broadsheet serve --port 8025")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on")
@click.option("--port", default=8025, show_default=True, help="Port; 0 picks a free one")
@click.option("--every", "every_s", default=15.0, show_default=True, help="Seconds between ticks")
@click.option("--once", is_flag=True, help="One tick, no HTTP; for cron")
@pass_place
def serve(place: Place, host: str, port: int, every_s: float, *, once: bool) -> int:
    """Run the clock that sends what is due, and serve the site and the outbox over HTTP.

    What is due is in the database: stop and start it as you like. The site is at /, the outbox at
    /outbox/ for this machine only, and the pages for readers beside them (docs/web.md). Put a web
    server with TLS in front of it for the public, and name it in web.trusted_proxies.
    """
    app = place.app()
    _log_for_people()
    if once:
        with Interruption() as interruption:
            ticked = app.tick()(stop=interruption.asked)
        _say(ticked)
        app.publish()()
        return interruption.exit_code or bool(ticked.failures)
    _serve(app, host, port, every_s)
    return 0


def _serve(app: App, host: str, port: int, every_s: float) -> None:
    import uvicorn

    from pipeline.schedule.clock import run_clock
    from pipeline.web.application import application
    from pipeline.web.patience import MOST_HEAD_BYTES, PatientProtocol

    interruption = Interruption()
    tick, publish = app.tick(), app.publish()

    def step() -> None:
        _say(tick(stop=interruption.asked))
        if publish().changed:
            logging.getLogger("broadsheet").info("published")

    server = uvicorn.Server(
        uvicorn.Config(
            application(app),
            host=host,
            port=port,
            http=PatientProtocol,
            ws="none",
            h11_max_incomplete_event_size=MOST_HEAD_BYTES,
            log_level="warning",
            access_log=False,  # it would write tokens down
            server_header=False,
            proxy_headers=False,  # whom to believe is in the settings, and the door's business
            timeout_graceful_shutdown=2,
        )
    )
    web = threading.Thread(target=server.run, name="http", daemon=True)
    with interruption:
        web.start()
        try:
            _wait_for(server, web, host, port)
            beside = [*_listen(app, interruption), _notify(app, interruption, every_s)]
            run_clock(step, every_s=every_s, stop=interruption.stop)
        finally:
            server.should_exit = True
            web.join()
        for thread in beside:
            thread.join()


def _listen(app: App, interruption: Interruption) -> Iterator[threading.Thread]:
    """Hear what comes back, if the settings say where it arrives."""
    if not app.settings.feedback.mailbox:
        return
    log = logging.getLogger("broadsheet")
    collect = app.collect()

    def follow() -> None:
        collect.follow(
            interruption.stop,
            every_s=LISTEN_EVERY_S,
            say=lambda found: log.info(
                "feedback: %s heard, %s for a person", found.heard, found.unread
            ),
        )

    listening = threading.Thread(target=follow, name="feedback")
    listening.start()
    yield listening


def _notify(app: App, interruption: Interruption, every_s: float) -> threading.Thread:
    """Send the mails about consent while a tick may be busy with a dispatch for hours."""
    log = logging.getLogger("broadsheet")
    notify = app.notify()

    def repeat() -> None:
        while not interruption.stop.wait(every_s):
            try:
                failures = notify(interruption.asked, app.clock()).failures
            except BroadsheetError as error:
                failures = (str(error),)
            for failure in failures:
                log.warning("%s", failure)

    notifying = threading.Thread(target=repeat, name="notices")
    notifying.start()
    return notifying


def _wait_for(server: object, web: threading.Thread, host: str, port: int) -> None:
    """Say where we listen, once we do."""
    while not getattr(server, "started", False):
        web.join(0.02)
        if not web.is_alive():
            raise ConfigError(f"cannot listen on {host}:{port}; choose another --port")
    bound = server.servers[0].sockets[0].getsockname()[1]  # type: ignore[attr-defined] # uvicorn's
    click.echo(f"http://{host}:{bound}/  (the outbox: http://{host}:{bound}/outbox/)", err=True)


def _log_for_people() -> None:
    """Show what the newsletter does; of libraries only what went wrong."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("broadsheet").setLevel(logging.INFO)
    # It warns at every interval while a tick runs long, which is how a dispatch of hours looks.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def _say(ticked: Ticked) -> None:
    log = logging.getLogger("broadsheet")
    for decision in ticked.decisions:
        log.info("slot %s: %s", decision.occurrence.key, decision)
    for done in ticked.delivered:
        counts = {status.value: n for status, n in done.counts.by_status.items() if n}
        log.info("dispatch %s %s: %s", done.dispatch.id, done.dispatch.state, counts)
        for note in done.notes:
            log.warning("dispatch %s: %s", done.dispatch.id, note)
    for failure in ticked.failures:
        log.warning("%s", failure)
