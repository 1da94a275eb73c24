"""MJML to HTML."""

from __future__ import annotations

import re
from typing import Final

from mjml import mjml2html

from pipeline.errors import TemplateError

FILE: Final = "email.mjml"  # what the filled template is called in the outbox

_POSITION: Final = re.compile(r" at position (\d+):\d+$")
_CONTEXT: Final = re.compile(r" in root template$")


def compile_mjml(mjml: str) -> str:
    """Compile pure ASCII MJML; see `characters.ascii_references`.

    Raises:
        TemplateError: it is not MJML; the line is one of the filled template, which is quoted.
    """
    try:
        # Without `fonts={}` mrml links to a font service whenever a family has a known name.
        return mjml2html(mjml, fonts={})
    except ValueError as error:
        line, reason = _locate(mjml, str(error))
        quoted = mjml.split("\n")[line - 1].strip()[:120] if line else ""
        problem = f"the filled template is not MJML: {reason}: {quoted}"
        raise TemplateError(FILE, problem, line=line) from error


def _locate(mjml: str, message: str) -> tuple[int | None, str]:
    """Return the line and the reason of a failure; mrml often knows neither."""
    if found := _POSITION.search(message):
        reason = _CONTEXT.sub("", message[: found.start()])
        return mjml.count("\n", 0, int(found[1])) + 1, reason
    from lxml import etree  # needed only to explain a failure

    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False)
    etree.fromstring(mjml.encode("ascii", "replace") or b"-", parser)
    for entry in parser.error_log:
        if not entry.message.startswith("Entity "):  # "&nbsp;" is fine in MJML
            return min(entry.line, mjml.count("\n") + 1), entry.message
    return None, _CONTEXT.sub("", message)
