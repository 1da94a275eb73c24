"""The walk of one issue through the room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.render.characters import ascii_references, legible
from pipeline.render.compile import FILE, compile_mjml
from pipeline.render.depth import refuse_depth
from pipeline.render.fill import Filler
from pipeline.render.folders import DEFAULT, THEME, TemplateFolders
from pipeline.render.inline import PREMAILER, Inliner, inline
from pipeline.render.stylesheet import inline_rules, live_rules
from pipeline.render.theme import Theme, load_theme
from pipeline.render.variables import variables


class Renderer:
    """Turns issues into mail with one template.

    Templates are read again when their files change, so a preview may keep a renderer.
    """

    def __init__(
        self,
        template_dirs: Sequence[Path],
        template: str = DEFAULT,
        *,
        inliner: Inliner = PREMAILER,
    ) -> None:
        """Look for `template` in `template_dirs`, the first one first, file by file.

        Args:
            template_dirs: folders of template folders: the workspace's before the packaged one.
            template: the name of a folder.
            inliner: what writes style attributes.

        Raises:
            ConfigError: no folder of that name; the message lists those there are.
        """
        self._folders = TemplateFolders.of(template_dirs, template)
        self._filler = Filler(self._folders)
        self._inliner: Inliner = inliner
        self._read: tuple[object, Theme] | None = None

    def render(self, issue: Issue, newsletter: Newsletter, *, web_url: str) -> RenderedIssue:
        """Render once for all readers; merge slots stay as they are.

        Pure but for reading the template's files: no clock, no network, same input, same bytes.

        Args:
            issue: what to say.
            newsletter: who says it.
            web_url: where the issue can be read in a browser; absolute.

        Raises:
            TemplateError: the template is at fault; nothing was written.
        """
        values = variables(issue, newsletter, self._theme(), web_url=web_url)
        css = inline_rules(self._filler, values)
        live_css = live_rules(self._filler, values)
        mjml = ascii_references(
            self._filler.fill("issue.mjml.j2", values | {"live_css": live_css})
        )
        refuse_depth(mjml, FILE)
        html = inline(compile_mjml(mjml), css=css, inliner=self._inliner)
        return RenderedIssue(
            subject=values["subject"],
            preheader=values["preheader"],
            mjml=mjml,
            html=ascii_references(html),
            text=legible(self._filler.fill("issue.txt.j2", values)),
        )

    def _theme(self) -> Theme:
        """Return the theme, read again when one of its files has changed."""
        stamp = self._folders.stamp(THEME)  # before it is read: a save in between is seen
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, load_theme(self._folders))
        return self._read[1]
