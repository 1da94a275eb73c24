"""Templates: which there are, a new one, and whether one is fit to be sent."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import ConfigError, IssueError, TemplateError
from pipeline.operations.examine import Examine
from pipeline.render import Renderer
from pipeline.render.folders import DEFAULT, FAMILY, TemplateFolders, template_names
from pipeline.render.lint import lint, unrendered
from pipeline.render.theme import load_theme

SAMPLE: Final = "sample.md"
SAMPLES: Final = "samples"  # of the family: languages every template must be able to show


class Template(Struct, frozen=True, kw_only=True):
    """A template as a list shows it."""

    name: str
    title: str
    about: str
    origin: str  # in words
    overrides: tuple[str, ...]  # files of the workspace that stand in for packaged ones
    files: tuple[str, ...]  # all files of the workspace's folder


class ListTemplates(Struct, frozen=True, kw_only=True):
    """List the templates an issue can be sent in."""

    roots: Sequence[Path]  # the workspace's first, the packaged one last

    def __call__(self) -> tuple[Template, ...]:
        """Return them by name.

        Raises:
            TemplateError: a theme.toml is wrong; the message has file and line.
        """
        return tuple(self._template(name) for name in template_names(self.roots))

    def _template(self, name: str) -> Template:
        *_, packaged = self.roots
        theirs = set(_names(packaged / name)) | set(_names(packaged / FAMILY))
        # In a checkout of Broadsheet the workspace's folder is the packaged one.
        own = [root for root in self.roots[:-1] if root.resolve() != packaged.resolve()]
        mine = sorted({file for root in own for file in _names(root / name)})
        theme = load_theme(TemplateFolders.of(self.roots, name))
        known = (packaged / name).is_dir()
        return Template(
            name=name,
            title=str(theme.get("name", name)),
            about=str(theme.get("about", "")),
            origin=("packaged, changed here" if mine else "packaged") if known else "workspace",
            overrides=tuple(file for file in mine if file in theirs),
            files=tuple(mine),
        )


class NewTemplate(Struct, frozen=True, kw_only=True):
    """Start a template of one's own from one that is there."""

    roots: Sequence[Path]

    def __call__(self, name: str, *, origin: str = DEFAULT) -> tuple[Path, ...]:
        """Copy the files of a template into the workspace; return them.

        Raises:
            ConfigError: the name cannot be one, it is taken, or there is no such origin; nothing
                was written.
        """
        source = TemplateFolders.of(self.roots, origin)
        folder = TemplateFolders.named(self.roots[0], name)
        if folder.exists():
            raise ConfigError(f"{folder} is there already; choose another name, or edit that one")
        if name in template_names(self.roots):
            raise ConfigError(
                f"{name!r} comes with Broadsheet; to change some of it, write only the files that"
                f" differ into {folder}"
            )
        copied = [(file, part) for part, file in source.own_files()]
        for file, part in copied:
            target = folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        return tuple(folder / part for _, part in copied)


class Checked(Struct, frozen=True, kw_only=True):
    """What a check of one template found."""

    name: str
    samples: tuple[tuple[str, int], ...]  # what was rendered, and the bytes of its HTML
    found: tuple[Diagnostic, ...]

    @property
    def errors(self) -> int:
        """How many findings forbid sending with it."""
        return sum(each.severity is Severity.ERROR for each in self.found)


class CheckTemplate(Struct, frozen=True, kw_only=True):
    """Look at a template's files, and send every sample through the whole walk with it."""

    roots: Sequence[Path]
    examine: Examine
    renderer_for: Callable[[str | None], Renderer]

    def __call__(self, name: str) -> Checked:
        """Check one template; nothing is written.

        Raises:
            ConfigError: no template has that name.
        """
        folders = TemplateFolders.of(self.roots, name)
        found = lint(folders)
        sizes: list[tuple[str, int]] = []
        try:
            load_theme(folders)
            renderer = self.renderer_for(name)
            examine = replace(self.examine, renderer_for=lambda _: renderer)
            for sample in self._samples(name):
                examined = examine(sample)
                sizes.append((_short(sample), len(examined.rendered.html)))
                found += [
                    replace(each, file=_short(sample) if each.file == str(sample) else each.file)
                    for each in examined.diagnostics
                    if each.severity is not Severity.NOTE
                ]
        except TemplateError as error:
            if not any(each.code == "T101" and each.line == error.line for each in found):
                found.append(unrendered(error))
        except IssueError as error:
            found += error.diagnostics
        return Checked(name=name, samples=tuple(sizes), found=tuple(_once(found)))

    def _samples(self, name: str) -> Iterator[Path]:
        """Yield the template's own sample, then those of the others, then those of languages."""
        *_, packaged = self.roots
        others = [each for each in template_names([packaged]) if each != name]
        for each in (name, *others):
            yield from TemplateFolders.of(self.roots, each).find(SAMPLE)[:1]
        yield from sorted((packaged / FAMILY / SAMPLES).glob("*.md"))


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    files = (file for file in folder.rglob("*") if file.is_file())
    return sorted(file.relative_to(folder).as_posix() for file in files)


def _short(sample: Path) -> str:
    return "/".join(sample.parts[-2:])


def _once(found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Leave out what a template does in every sample: once is enough."""
    seen: set[tuple[object, ...]] = set()
    for each in found:
        key = (each.code, each.message, each.line if each.source else None)
        if key not in seen:
            seen.add(key)
            yield each
