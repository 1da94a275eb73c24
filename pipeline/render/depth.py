"""How deep markup may be nested: the compiler's stack has an end, and a crash is no error."""

from __future__ import annotations

import re
from typing import Final

from pipeline.errors import TemplateError

DEEPEST: Final = 400  # mrml takes 3,000 and dies at 10,000; our own themes need 60

_TAG: Final = re.compile(r"<(/?)([a-zA-Z][\w-]*)(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?(/?)>")
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}
)


def refuse_depth(mjml: str, file: str) -> None:
    """Raise TemplateError if elements are nested deeper than any mail needs."""
    depth = 0
    for tag in _TAG.finditer(mjml):
        closing, name, alone = tag.groups()
        if closing:
            depth = max(0, depth - 1)
        elif not alone and name.lower() not in _VOID:
            depth += 1
        if depth > DEEPEST:
            line = mjml.count("\n", 0, tag.start()) + 1
            raise TemplateError(file, f"<{name}> is nested {depth} deep", line=line)
