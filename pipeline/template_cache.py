"""Keeps templates as Jinja2 has compiled them, in a folder of whoever runs this.

What lies there is run, so the folder has to be ours alone: where it is not, or cannot be, each
process compiles anew. A name says all that a compiled template depends on, so nothing in there
is ever out of date.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import stat
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Final

import jinja2
from jinja2.bccache import Bucket

MOST: Final = 512  # files; of a theme there are some thirty
_OURS_ALONE: Final = 0o700


class TemplateCache(jinja2.BytecodeCache):
    """A compiled file for each template; without a folder, nothing is kept."""

    def __init__(self, *compilers: Path) -> None:
        """Keep the templates of an environment.

        Args:
            compilers: the modules that say what is compiled into a template, such as counters,
                what is escaped and where blanks go.
        """
        self._compilers = compilers

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Return what stands for a template and the file that its errors will name."""
        return f"{name}\0{filename}"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket if the template was compiled before."""
        # A file that was cut off is none.
        with contextlib.suppress(OSError, EOFError, ValueError, TypeError):
            if folder := _folder():
                kept = marshal.loads((folder / self._name(bucket)).read_bytes())  # noqa: S302 - ours alone
                bucket.code = kept if isinstance(kept, CodeType) else None

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template; one that cannot be kept is compiled again the next time."""
        with contextlib.suppress(OSError):
            if folder := _folder():
                _make_room(folder)
                handle, written = tempfile.mkstemp(dir=folder)
                with os.fdopen(handle, "wb") as file:
                    file.write(marshal.dumps(bucket.code))
                Path(written).replace(folder / self._name(bucket))

    def _name(self, bucket: Bucket) -> str:
        parts = (bucket.key, bucket.checksum, _digest(self._compilers))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@lru_cache(maxsize=8)
def _digest(compilers: tuple[Path, ...]) -> str:
    own = (file.read_bytes() for file in compilers)
    parts = (*own, sys.version.encode(), jinja2.__version__.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


@lru_cache(maxsize=1)
def _folder() -> Path | None:
    """Return the folder, which is made if need be; None: there is none that is ours alone."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - raises nothing
    folder = Path(home, "broadsheet", "templates")
    try:
        if not folder.is_absolute():
            return None
        folder.mkdir(mode=_OURS_ALONE, parents=True, exist_ok=True)
        # A link on the way there could lead elsewhere after we looked.
        folder = folder.parent.resolve() / folder.name
        return folder if _is_ours_alone(folder) else None
    except OSError:
        return None


def _make_room(folder: Path) -> None:
    """Throw the older half away when there are too many: somebody writes a template."""
    if len(os.listdir(folder)) >= MOST:  # noqa: PTH208 - only counted
        files = sorted(folder.iterdir(), key=lambda file: file.lstat().st_mtime)
        for file in files[: MOST // 2]:
            file.unlink(missing_ok=True)


def _is_ours_alone(folder: Path) -> bool:
    """Say whether nobody else can put a file there: `folder` is no link, and closed to others.

    Whoever may rename the folder or one above could put another in its place: each has to
    belong to us or to root, and only one with the sticky bit may be open to others.
    """
    if not hasattr(os, "getuid"):
        return False
    here, us = folder.lstat(), os.getuid()
    if not stat.S_ISDIR(here.st_mode) or here.st_mode & 0o077 or here.st_uid != us:
        return False
    for above in folder.resolve().parents:
        found = above.stat()
        is_open = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
        if is_open or found.st_uid not in {0, us}:
            return False
    return True
