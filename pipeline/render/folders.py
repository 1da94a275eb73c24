"""Where template files are, and that none of them lies outside its folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Final, Self

from pipeline.errors import ConfigError, TemplateError

FAMILY: Final = "family"  # partials that several templates of a root use
MAX_BYTES: Final = 256 * 1024  # of one template file

_TEMPLATE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def packaged_templates() -> Path:
    """Return the folder of the templates that come with Broadsheet, installed or checked out."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_templates" / "email"
    return installed if installed.is_dir() else package.parent / "templates" / "email"


@dataclass(frozen=True, slots=True)
class TemplateFolders:
    """One template, laid over its namesakes: the first root that has a file provides it."""

    roots: tuple[Path, ...]
    template: str

    @classmethod
    def of(cls, roots: Sequence[Path], template: str) -> Self:
        """Return the folders of a template.

        Raises:
            ConfigError: the name is not one, or no root has such a folder.
        """
        folders = cls(tuple(roots), template)
        if _TEMPLATE_NAME.fullmatch(template) and any(
            _inside(root, root / template).is_dir() for root in roots
        ):
            return folders
        known = sorted(set(_templates(roots)))
        near = get_close_matches(template, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or '-'}"
        raise ConfigError(f"no template is called {template!r}; {remedy}")

    def find(self, name: str, *, template: str | None = None) -> list[Path]:
        """Return the files of that name, the author's own first.

        Args:
            name: relative to the template's folder, or under `family/`.
            template: another template's name, to look there instead.

        Raises:
            TemplateError: the name, or a symbolic link, leads out of the folder.
        """
        path = PurePosixPath(name)
        if (
            not path.parts
            or path.is_absolute()
            or ".." in path.parts
            or re.search(r"[\\:\0]", name)
        ):
            raise TemplateError(
                name, "a template file is named relative to its folder, without '..'"
            )
        folder = () if path.parts[0] == FAMILY else (template or self.template,)
        files = (_inside(root, root.joinpath(*folder, path)) for root in self.roots)
        return [file for file in files if file.is_file()]

    def read(self, name: str) -> tuple[str, Path]:
        """Return the text of a file and where it is.

        Raises:
            TemplateError: there is no such file, or it is not UTF-8, or far too large.
        """
        found = self.find(name)
        if not found:
            places = ", ".join(str(root / self.template) for root in self.roots)
            raise TemplateError(name, f"there is no such file in {places}")
        return read_text(found[0]), found[0]


def read_text(file: Path) -> str:
    """Return the text of one template file; TemplateError if it has none."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise TemplateError(file, f"larger than {MAX_BYTES // 1024} KiB: not a template")
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise TemplateError(file, "not UTF-8; save it as UTF-8", line=line) from error
    except OSError as error:
        raise TemplateError(file, f"cannot be read: {error.strerror}") from error


def _inside(root: Path, file: Path) -> Path:
    """Return `file` if it really lies in `root`, symbolic links followed."""
    try:
        leads_out = not file.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError) as error:  # a loop of symbolic links
        raise TemplateError(file, "cannot be resolved") from error
    if leads_out:
        raise TemplateError(file, f"leads out of {root}; copy the file instead of linking it")
    return file


def _templates(roots: Sequence[Path]) -> Iterator[str]:
    for root in roots:
        if root.is_dir():
            yield from (
                entry.name for entry in root.iterdir() if (entry / "issue.mjml.j2").is_file()
            )
