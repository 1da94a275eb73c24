"""The public pages: templates with a language, a policy and nothing that runs."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pipeline.errors import TemplateError
from pipeline.locales import written_date
from pipeline.model.language import direction
from pipeline.model.newsletter import Newsletter
from pipeline.web.language import LANGUAGES, accepted, catalogue, choose

STYLE: Final = "style.css"
# Nobody keeps them, lists them or learns from where their reader came.
PRIVATE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex, nofollow",
        "Referrer-Policy": "no-referrer",
    }
)

_log = logging.getLogger("broadsheet")


@dataclass(frozen=True, slots=True)
class Pages:
    """The templates of this package under those of the workspace, in every language offered."""

    newsletter: Newsletter
    languages: Sequence[str] = tuple(LANGUAGES)
    own: Path | None = None  # a folder with templates of the workspace; it need not exist
    _environments: dict[tuple[str, bool], ImmutableSandboxedEnvironment] = field(
        default_factory=dict, repr=False
    )

    def check(self) -> None:
        """Look at the workspace's own templates.

        Raises:
            TemplateError: one is not a template; the message names the line.
        """
        if self.own is None or not self.own.is_dir():
            return
        environment = self._environment(self.languages[0], packaged=False)
        for name in environment.list_templates():
            try:
                environment.get_template(name)
            except TemplateSyntaxError as error:
                file = self.own / name
                raise TemplateError(file, error.message or "", line=error.lineno) from error
            except UnicodeDecodeError as error:
                raise TemplateError(self.own / name, "not UTF-8; save it as UTF-8") from error

    def language(self, request: Request, theirs: str | None = None) -> str:
        """Return the language for a request: asked for, the reader's, the browser's, ours."""
        header = request.headers.get("accept-language", "")
        wishes = (request.query_params.get("lang"), theirs, *accepted(header))
        return choose((*wishes, self.newsletter.language), self.languages)

    def answer(
        self,
        request: Request,
        template: str,
        *,
        theirs: str | None = None,
        status: int = 200,
        headers: Mapping[str, str] = PRIVATE,
        **words: Any,
    ) -> Response:
        """Return a page.

        Args:
            request: what is answered.
            template: its name, without the suffix.
            theirs: the language the reader chose, if they are known.
            status: of HTTP.
            headers: beside those of every answer.
            words: what the template shows.
        """
        language = self.language(request, theirs)
        words |= {
            # Going to a result again would send a form again: only what a GET shows has a switch.
            "switch": request.method in {"GET", "HEAD"} and status == 200,
            "query": f"?lang={language}" if "lang" in request.query_params else "",
        }
        text, style = self.text(f"{template}.html", language, **words)
        digest = b64encode(sha256(style.encode()).digest()).decode()
        policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        return HTMLResponse(
            text,
            status,
            headers={
                **headers,
                "Content-Security-Policy": policy,
                "Content-Language": language,
            },
        )

    def problem(self, request: Request, kind: str, status: int) -> Response:
        """Return the page that says what is wrong; `kind` is one that problem.html knows."""
        return self.answer(request, "problem", kind=kind, status=status)

    def wording(self, language: str, words: str) -> str:
        """Return what the form says people agree to, as plain text; `words`, if there are any."""
        text, _ = self.text("wording.txt", language, wording=words)
        return Markup(text).unescape().strip()  # noqa: S704 - to be undone

    def text(self, template: str, language: str, **words: Any) -> tuple[str, str]:
        """Return a rendered template and the style in it.

        A template of the workspace that fails does not cost a reader the page: ours is shown.
        """
        try:
            return self._render(template, language, packaged=False, **words)
        except Exception as error:  # a template may raise anything
            if self.own is None or not self.own.is_dir():
                raise
            _log.warning("%s: shown without your templates: %s", self.own, error)
            return self._render(template, language, packaged=True, **words)

    def _render(
        self, template: str, language: str, *, packaged: bool, **words: Any
    ) -> tuple[str, str]:
        environment = self._environment(language, packaged=packaged)
        style = environment.get_template(STYLE).render()
        text = environment.get_template(template).render(
            newsletter=self.newsletter,
            language=language,
            direction=direction(language),
            languages=[(code, LANGUAGES[code]) for code in self.languages],
            style=Markup(style),  # noqa: S704 - ours, or the author's
            **words,
        )
        return text, style

    def _environment(self, language: str, *, packaged: bool) -> ImmutableSandboxedEnvironment:
        known = self._environments.get((language, packaged))
        if known is not None:
            return known
        ours = PackageLoader("pipeline.web", "pages")
        loader = ours if packaged or not self.own else ChoiceLoader([_folder(self.own), ours])
        environment = ImmutableSandboxedEnvironment(
            loader=loader,
            autoescape=lambda name: name != STYLE,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        words = catalogue(language)
        environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined] # of the extension
        environment.filters["day"] = lambda moment: written_date(moment, language)
        self._environments[language, packaged] = environment
        return environment


def _folder(own: Path) -> FileSystemLoader:
    return FileSystemLoader(own, followlinks=False)
