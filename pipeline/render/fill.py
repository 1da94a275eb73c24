"""Jinja2: a template and its variables to MJML, CSS or text."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import jinja2
from jinja2.meta import find_undeclared_variables
from jinja2.utils import missing
from msgspec import Struct

from pipeline.errors import BroadsheetError, TemplateError
from pipeline.render import bounds, html, text
from pipeline.render.bounds import BoundedEnvironment, bounded, hold, shown
from pipeline.render.characters import attribute, full_stop, one_line
from pipeline.render.folders import TemplateFolders, read_text
from pipeline.render.urls import host, link_url
from pipeline.render.variables import NAMES, say
from pipeline.template_cache import TemplateCache


class Filler:
    """Fills the files of one template, each only with values, never with another's output.

    The environment is sandboxed: a template reads its variables and can change or call nothing,
    and it is stopped before it takes too long (`bounds`). MJML is escaped; text and style sheets
    are not.
    """

    def __init__(self, folders: TemplateFolders) -> None:
        """Read templates from `folders` and nowhere else."""
        self.folders = folders
        self._environment = BoundedEnvironment(
            loader=_Loader(folders),
            undefined=_Unknown,
            autoescape=lambda name: not (name or "").endswith((".txt.j2", ".css")),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            bytecode_cache=TemplateCache(Path(__file__), Path(bounds.__file__)),
        )
        self._environment.filters.update(_FILTERS)

    def fill(self, name: str, values: Mapping[str, Any]) -> str:
        """Return the file with its gaps filled; author text is inert, braces and all.

        Raises:
            TemplateError: a syntax error, an unknown name or anything that went wrong inside;
                with the file and the line of the template.
        """
        try:
            with bounded():
                return self._environment.get_template(name).render(values)
        except BroadsheetError:
            raise
        except jinja2.TemplateSyntaxError as error:
            file = error.filename or error.name or name
            raise TemplateError(file, self._syntax(error), line=error.lineno) from error
        except Exception as error:  # whatever a template does wrong is the template's fault
            file, line = self._place(error, name)
            raise TemplateError(file, _problem(error), line=line) from error

    def unknown_names(self, source: str, file: Path) -> set[str]:
        """Return the variables a file uses that nobody gives it, also where it is never run.

        Raises:
            TemplateError: it cannot be read as a template.
        """
        try:
            tree = self._environment.parse(source, filename=str(file))
            used = find_undeclared_variables(tree)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(file, self._syntax(error), line=error.lineno) from error
        except RecursionError as error:
            raise TemplateError(file, _problem(error)) from error
        return used - set(NAMES) - set(self._environment.globals)

    def _syntax(self, error: jinja2.TemplateSyntaxError) -> str:
        problem = (error.message or "not a template").rstrip(".")
        wrong = problem.rpartition("named ")[2].strip("'\"")
        known = {"No filter": self._environment.filters, "No test": self._environment.tests}
        for kind, names in known.items():
            if problem.startswith(kind):
                return problem + _did_you_mean(wrong, names)
        return problem

    def _place(self, error: Exception, name: str) -> tuple[str, int | None]:
        """Return the file and the line of the innermost template the error passed through."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            file = Path(frame.filename)
            if file.suffix != ".py" and any(map(file.is_relative_to, self.folders.roots)):
                return frame.filename, frame.lineno
        return name, None


class _Loader(jinja2.BaseLoader):
    """Reads the files of one template and the partials its family shares."""

    def __init__(self, folders: TemplateFolders) -> None:
        self._folders = folders

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        del environment
        found = self._folders.find(template)
        if not found:
            raise jinja2.TemplateNotFound(template)  # which `ignore missing` may forgive
        stamp = self._folders.stamp(template)  # before it is read: a save in between is seen
        source = read_text(found[0])
        return source, str(found[0]), lambda: self._folders.stamp(template) == stamp


class _Unknown(jinja2.StrictUndefined):
    """A name nobody defined: refuses every use and says what may have been meant."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[jinja2.TemplateRuntimeError] = jinja2.UndefinedError,
    ) -> None:
        super().__init__(hint or (_unknown(obj, name) if name else None), obj, name, exc)


def _unknown(owner: Any, name: str) -> str:
    if owner is missing:
        return f"{name!r} is unknown" + _did_you_mean(name, NAMES)
    if isinstance(owner, Mapping):
        return f"there is no {name!r} here" + _did_you_mean(name, map(str, owner))
    known = owner.__struct_fields__ if isinstance(owner, Struct) else ()
    return f"{type(owner).__name__} has no {name!r}" + _did_you_mean(str(name), known)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=3)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def _problem(error: Exception) -> str:
    match error:
        case jinja2.TemplateNotFound():
            return f"the template has no file {error.name!r}"
        case jinja2.TemplateError():
            return str(error)
        case RecursionError():
            return "goes round in circles, or the issue is nested too deep"
        case _:
            return f"{type(error).__name__}: {error}"


def _say(words: str, **values: object) -> str:
    longest = max((len(str(shown(value))) for value in values.values()), default=0)
    hold(len(words) + words.count("{") * longest)
    return say(words, **values)


_FILTERS = cast(
    dict[str, Callable[..., Any]],
    {
        "attribute": attribute,  # str -> an escaped attribute value
        "blocks": html.blocks,
        "box": html.box,
        "full_stop": full_stop,
        "host": host,
        "inline": html.inline,
        "link": link_url,  # str -> str, or None if a reader could not follow it
        "one_line": one_line,
        "prose": text.prose,
        "say": _say,
        "text_blocks": text.blocks,
        "text_item": text.item,
        "underlined": text.underlined,
        "wrap": text.wrap,
    },
)
