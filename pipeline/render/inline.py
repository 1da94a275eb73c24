"""Rules to style attributes, with premailer and the settings that do no harm (decision D3).

Imported only when a mail is made: premailer and what it brings take a quarter of a second.
"""

from __future__ import annotations

import logging
import re
from typing import Final

from premailer import Premailer

_STYLE: Final = re.compile(r"<style\b")
_MARKED: Final = '<style data-premailer="ignore"'


def inline(html: str, *, css: str) -> str:
    """Write the rules of `css` into style attributes; everything else stays as it was.

    Args:
        html: what MJML was compiled to.
        css: rules whose selectors are types and classes; see `stylesheet.inline_rules`.
    """
    # premailer keeps a doctype only in this spelling; without it clients fall into quirks mode.
    html = html.replace("<!doctype html>", "<!DOCTYPE html>", 1)
    inlined: str = Premailer(
        # Marked, a style sheet is neither parsed nor rewritten: media queries and dark mode
        # keep their !important, and MJML's reset is not copied into every element.
        _STYLE.sub(_MARKED, html),
        css_text=[css],
        allow_network=False,
        keep_style_tags=False,
        disable_leftover_css=True,
        strip_important=False,
        disable_validation=True,
        align_floating_images=False,
        # Outlook sizes images by these attributes: they must not follow the style.
        disable_basic_attributes=["width", "height"],
        remove_classes=False,  # phones and dark mode need them
        cssutils_logging_level=logging.CRITICAL,
    ).transform(pretty_print=False)
    return inlined.replace(_MARKED, "<style")
