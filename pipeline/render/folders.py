"""Where template files are, and that none of them lies outside its folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Final, Self

from msgspec import Struct

from pipeline.errors import ConfigError, TemplateError

FAMILY: Final = "family"  # what all templates share: every template is laid over it
NOTICES: Final = "notices"  # the mails about somebody's own word
DEFAULT: Final = "digest"
THEME: Final = "theme.toml"
MAX_BYTES: Final = 256 * 1024  # of one template file

_TEMPLATE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def packaged_templates() -> Path:
    """Return the folder of the templates that come with Broadsheet, installed or checked out."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_templates" / "email"
    return installed if installed.is_dir() else package.parent / "templates" / "email"


class TemplateFolders(Struct, frozen=True):
    """One template, laid over its namesakes and these over the family.

    The first folder that has a file provides it: the author's template, the packaged one of that
    name, the author's family, the packaged family.
    """

    roots: tuple[Path, ...]
    template: str

    @classmethod
    def of(cls, roots: Sequence[Path], template: str) -> Self:
        """Return the folders of a template.

        Raises:
            ConfigError: the name is not one, or no root has such a folder.
        """
        folders = cls(tuple(roots), template)
        if (
            template not in {FAMILY, NOTICES}
            and _TEMPLATE_NAME.fullmatch(template)
            and any(_inside(root, root / template).is_dir() for root in roots)
        ):
            return folders
        known = template_names(roots)
        near = get_close_matches(template, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or '-'}"
        raise ConfigError(f"no template is called {template!r}; {remedy}")

    def find(self, name: str) -> list[Path]:
        """Return the files of that name, the author's own first.

        Args:
            name: relative to the template's folder; `family/...` is the family's own file also
                where the template has one of that name.

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
        there = ((root, Path(file)) for root, file in self._places(str(path)) if _is_there(file))
        return [file for root, file in there if _inside(root, file).is_file()]

    def stamp(self, name: str) -> tuple[tuple[int, ...], ...]:
        """Return what changes when the file of that name does, or another comes before it.

        Args:
            name: one that `find` has found: a mail uses some seventy, and looks at them all.
        """
        return tuple(_stamp(file) for _, file in self._places(name))

    def _places(self, name: str) -> Iterator[tuple[Path, str]]:
        """Yield where the file may be, the author's own first, each with its root."""
        family = name.partition("/")[0] == FAMILY
        for folder in ("",) if family else (f"{self.template}/", f"{FAMILY}/"):
            yield from ((root, f"{root}/{folder}{name}") for root in self.roots)

    @staticmethod
    def named(root: Path, name: str) -> Path:
        """Return where a template of that name would be.

        Raises:
            ConfigError: that cannot be the name of a template.
        """
        if name in {FAMILY, NOTICES} or not _TEMPLATE_NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} cannot be the name of a template; use small letters, digits, '-', '_'"
            )
        return _inside(root, root / name)

    def own_files(self) -> list[tuple[str, Path]]:
        """Return the files of the template that are not the family's, with their names."""
        names: dict[str, Path] = {}
        for root in self.roots:
            folder = root / self.template
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    names.setdefault(file.relative_to(folder).as_posix(), _inside(root, file))
        return sorted(names.items())

    def files(self) -> list[Path]:
        """Return every file of the template that counts: the first of each name, by name."""
        family = TemplateFolders(self.roots, FAMILY)
        names = dict(family.own_files()) | dict(self.own_files())
        return [names[name] for name in sorted(names)]

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


def _is_there(file: str) -> bool:
    """Say whether there is something of that name, be it a link that leads nowhere."""
    try:
        os.lstat(file)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # to be named by who follows it
        pass
    return True


def _stamp(file: str) -> tuple[int, ...]:
    try:
        found = os.stat(file)  # noqa: PTH116 - a Path costs more to make than the call
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_dev, found.st_ino


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


def template_names(roots: Sequence[Path]) -> list[str]:
    """Return the names of the templates for issues, each once."""
    return sorted(
        {
            entry.name
            for root in roots
            if root.is_dir()
            for entry in root.iterdir()
            if _TEMPLATE_NAME.fullmatch(entry.name)
            and entry.name not in {FAMILY, NOTICES}
            and any((entry / name).is_file() for name in (THEME, "issue.mjml.j2"))
        }
    )
