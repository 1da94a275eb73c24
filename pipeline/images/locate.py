"""From the address an author wrote to the bytes of a file, and never to a file elsewhere."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from pipeline.images.fault import PictureFault

LARGEST_FILE: Final = 32 << 20  # bytes; a photo of 50 megapixels has 10 to 25 MB

_MOST_NAMES: Final = 2000  # of a folder, looked through for one that may have been meant
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_SUFFIXES: Final = (
    *(".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif"),
    *(".bmp", ".tif", ".tiff", ".svg"),
)


def is_local(url: str) -> bool:
    """Say whether an address names a file; addresses of the web and empty ones do not.

    Raises:
        PictureFault: E153, it is neither.
    """
    url = url.strip()
    if not url or url.startswith("//"):
        return False  # preflight has words for these
    scheme = _SCHEME.match(url)
    if scheme is None:
        return True
    if scheme.group().lower() in {"http:", "https:"}:
        return False
    raise PictureFault(
        "E153",
        f"the address of a picture begins with {scheme.group()}",
        "save the picture beside the issue and name it, as in ![a red crane](crane.jpg)",
    )


def locate(url: str, roots: Sequence[Path]) -> Path:
    """Return the file that a local address names, links followed.

    Args:
        url: as the author wrote it, percent-encoded or not.
        roots: folders it may be relative to and must be in; the first one first.

    Raises:
        PictureFault: E151 or E152.
    """
    written = unquote(url.strip())
    homes = tuple(root.resolve() for root in roots)
    if written.startswith("/") or "\0" in written:
        raise _outside(written)
    leads_out, is_missing = False, False
    for home in homes:
        try:
            found = (home / written).resolve()
        except RuntimeError:  # links in a circle
            is_missing = True
            continue
        if not _inside(found, homes):
            leads_out |= _inside(Path(os.path.normpath(home / written)), homes)
        elif os.path.exists(found):  # noqa: PTH110 - it takes a name that is too long for missing
            return found
        else:
            is_missing = True
    if leads_out or not is_missing:
        raise _outside(written)
    near = list(dict.fromkeys(_near(written, homes)))
    raise PictureFault(
        "E151",
        f"there is no picture {written}",
        f"did you mean {' or '.join(near)}?"
        if near
        else "put it beside the issue, or name it relative to the issue or the workspace",
    )


def read(file: Path) -> bytes:
    """Read a file once, whole.

    Raises:
        PictureFault: E155 to E157.
    """
    try:
        data, has_changed = _read(file)
    except OSError as error:
        raise PictureFault(
            "E155", f"{file.name} cannot be read: {error.strerror}", "name a picture you may read"
        ) from error
    if len(data) > LARGEST_FILE:
        raise PictureFault(
            "E156",
            f"{file.name} has more than {LARGEST_FILE:,} bytes",
            "make it smaller; a mail shows no more than some 1,200 pixels across",
        )
    if has_changed:
        raise PictureFault(
            "E157", f"{file.name} changed while it was read", "run the command again"
        )
    return data


def _read(file: Path) -> tuple[bytes, bool]:
    """Return the bytes, and whether anybody wrote meanwhile."""
    # What `locate` found is no link; O_NONBLOCK: a named pipe must not make us wait.
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        with open(descriptor, "rb", closefd=False) as stream:
            data = stream.read(LARGEST_FILE + 1)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    was, is_now = ((each.st_size, each.st_mtime_ns) for each in (before, after))
    return data, was != is_now or len(data) != after.st_size


def _outside(written: str) -> PictureFault:
    return PictureFault(
        "E152",
        f"{written} is not in the folder of the issue, nor in the workspace",
        "copy the picture there and name it relative to the issue",
    )


def _inside(path: Path, homes: Sequence[Path]) -> bool:
    return any(path.is_relative_to(home) for home in homes)


def _near(written: str, homes: Sequence[Path]) -> Iterator[str]:
    """Yield how pictures with names like this one would have to be written."""
    folder, name = os.path.split(written)
    for home in homes:
        there = (home / folder).resolve()
        if not _inside(there, homes) or not os.path.isdir(there):  # noqa: PTH112 - as above
            continue
        names = {each.name.casefold(): each.name for each in islice(there.iterdir(), _MOST_NAMES)}
        pictures = [each for each in names if each.endswith(_SUFFIXES)]
        for close in get_close_matches(name.casefold(), pictures, n=2):
            yield f"{folder}/{names[close]}" if folder else names[close]
