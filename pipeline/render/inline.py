"""Rules to style attributes: one function, and two engines that draw the same picture (D34)."""

from __future__ import annotations

from typing import Final, Literal, assert_never

from pipeline.errors import ConfigError

Inliner = Literal["premailer", "css-inline"]
PREMAILER: Final = "premailer"  # the default


def inline(html: str, *, css: str, inliner: Inliner = PREMAILER) -> str:
    """Write the rules of `css` into style attributes; everything else says what it said.

    The doctype, comments, style sheets, addresses and merge slots stay as they were.

    Args:
        html: what MJML was compiled to, in pure ASCII.
        css: rules whose selectors are types and classes; see `stylesheet.inline_rules`.
        inliner: whose work it is; each is loaded when it first makes a mail.

    Raises:
        ConfigError: the engine is an extra that is not installed.
    """
    match inliner:
        case "premailer":
            from pipeline.render import inline_premailer

            return inline_premailer.inline(html, css)
        case "css-inline":
            try:
                from pipeline.render import inline_css_inline
            except ImportError as error:
                raise ConfigError(
                    "newsletter.inliner: css-inline is not installed; "
                    'run: pip install "broadsheet[css-inline]", or name "premailer"'
                ) from error
            return inline_css_inline.inline(html, css)
        case _:
            assert_never(inliner)
