"""css-inline, with the settings under which it draws what premailer draws (decision D34)."""

from __future__ import annotations

from functools import lru_cache

from css_inline import CSSInliner


def inline(html: str, css: str) -> str:
    """Write rules into style attributes; see `inline.inline`."""
    return _engine(css).inline(html)


@lru_cache(maxsize=16)
def _engine(css: str) -> CSSInliner:
    return CSSInliner(
        extra_css=css,
        # The style sheets of the mail are for phones and dark mode: not to be read, not to go.
        inline_style_tags=False,
        keep_style_tags=True,
        load_remote_stylesheets=False,
    )
