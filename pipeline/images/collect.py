"""The pictures of one issue: each file once, each place in the issue with its address and size."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import IssueError
from pipeline.images.fault import PictureFault
from pipeline.images.locate import is_local, locate, read
from pipeline.images.place import place
from pipeline.images.placing import images, replaced
from pipeline.model.content import Image
from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.model.picture import MEDIA_TYPES, Picture, content_id, site_path

if TYPE_CHECKING:
    from pipeline.images.prepare import Prepared

LONGEST_STEM: Final = 40  # characters of a file's own name that are kept
MOST_KEPT: Final = 64  # pictures a collector remembers, some 200 KB each


class Options(Struct, frozen=True, kw_only=True):
    """How pictures travel."""

    travel: Literal["archive", "attach"] = "archive"
    column: int = 600  # px: widest a picture is shown; its file keeps twice that


class Collected(Struct, frozen=True, kw_only=True):
    """An issue with its pictures."""

    issue: Issue  # every picture with its address on the site
    mailed: Issue  # as the mail shows it: the same, or `cid:` addresses of what is attached
    pictures: tuple[Picture, ...] = ()  # in the order of the issue, none twice
    diagnostics: tuple[Diagnostic, ...] = ()  # warnings


class Collector:
    """Makes the pictures of issues ready, and remembers the last of them for the next build."""

    def __init__(self, options: Options | None = None, root: Path | None = None) -> None:
        """Take the options of a workspace.

        Args:
            options: how pictures travel; None: as the settings say that nobody changed.
            root: of the workspace, where an issue may also find its pictures.
        """
        self._options = options or Options()
        self._root = root
        self._kept: dict[str, Prepared] = {}  # by the digest of the author's file

    def __call__(
        self, issue: Issue, *, file: Path, entry: str, newsletter: Newsletter
    ) -> Collected:
        """Take every local picture of an issue; those of the web stay links.

        Args:
            issue: as it was read.
            file: it was read from; its folder is where pictures are looked for first.
            entry: name of the entry it will be.
            newsletter: whose site and mail domain are in the addresses.

        Raises:
            IssueError: with every picture that cannot be taken, each with its line.
        """
        found = images(issue)
        pictures: dict[str, Picture] = {}  # by digest
        taken: dict[str, Picture] = {}  # by address, as written
        said: list[Diagnostic] = []
        for url in dict.fromkeys(image.url for image in found):
            try:
                if is_local(url):
                    taken[url] = self._take(url, file, pictures, said)
            except PictureFault as fault:
                said.append(_diagnostic(fault, url, file))
        if any(each.severity is Severity.ERROR for each in said):
            raise IssueError(tuple(each for each in said if each.severity is Severity.ERROR))
        if not taken:
            return Collected(issue=issue, mailed=issue)

        public = self._with_addresses(
            issue, taken, lambda name: f"{newsletter.site_url}/{site_path(entry, name)}"
        )
        mailed = public
        if self._options.travel == "attach":
            mailed = self._with_addresses(
                issue, taken, lambda name: f"cid:{content_id(name, newsletter.mail_domain)}"
            )
        return Collected(
            issue=public,
            mailed=mailed,
            pictures=tuple(pictures.values()),
            diagnostics=tuple(said),
        )

    def _take(
        self, url: str, file: Path, pictures: dict[str, Picture], said: list[Diagnostic]
    ) -> Picture:
        roots = (file.parent, self._root) if self._root else (file.parent,)
        there = locate(url, roots)
        prepared = self._prepared(read(there), there.name)
        if prepared.was_animated:
            said.append(_diagnostic(_no_animation(there.name), url, file))
        digest = sha256(prepared.data).hexdigest()
        if digest not in pictures:
            pictures[digest] = Picture(
                name=f"{_slug(there.stem)}-{digest[:8]}{prepared.suffix}",
                data=prepared.data,
                media_type=MEDIA_TYPES[prepared.suffix],
                width=prepared.width,
                height=prepared.height,
            )
        return pictures[digest]

    def _prepared(self, data: bytes, name: str) -> Prepared:
        # Pillow is loaded when an issue has a picture, and decodes only what it has not seen.
        from pipeline.images.prepare import prepare

        digest = sha256(data).hexdigest()
        if digest not in self._kept:
            try:
                prepared = prepare(data, column=self._options.column)
            except PictureFault as fault:
                raise PictureFault(
                    fault.code, f"{name} {fault.message}", fault.remedy, note=fault.note
                ) from fault
            while len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[digest] = prepared
        return self._kept[digest]

    def _with_addresses(
        self, issue: Issue, taken: Mapping[str, Picture], address: Callable[[str], str]
    ) -> Issue:
        """Return the issue with an address and a size for each picture that was taken."""

        def placed(image: Image) -> Image:
            picture = taken.get(image.url)
            if picture is None:
                return image
            width = min(picture.width, self._options.column)
            height = max(1, round(picture.height * width / picture.width))
            return replace(image, url=address(picture.name), width=width, height=height)

        return replaced(issue, placed)


def _slug(stem: str) -> str:
    """Return what is left of a name in small ASCII letters, digits and hyphens."""
    small = unicodedata.normalize("NFKD", stem.casefold())
    plain = small.encode("ascii", "ignore").decode("ascii")
    words = "-".join(re.findall(r"[a-z0-9]+", plain))
    return words[:LONGEST_STEM].strip("-") or "picture"


def _no_animation(name: str) -> PictureFault:
    return PictureFault(
        "W158",
        f"{name} moves, and only its first picture is kept",
        "make it a GIF of at most 1 MiB, 300 frames and few pixels",
    )


def _diagnostic(fault: PictureFault, url: str, file: Path) -> Diagnostic:
    """Return a fault with the place where the issue names the picture first."""
    found = place(url, file)
    return Diagnostic(
        code=fault.code,
        severity=Severity.ERROR if fault.code.startswith("E") else Severity.WARNING,
        message=fault.message,
        file=str(file),
        line=found.line,
        column=found.column,
        end_column=found.end_column,
        source=found.source,
        note=fault.note,
        help=fault.remedy,
    )
