"""The pictures of published entries, as files of the site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.model.entry import EntryId
from pipeline.model.picture import Picture, site_path


def pictures(entry: EntryId, frozen: Iterable[Picture]) -> Iterator[tuple[str, bytes]]:
    """Yield each picture with its path on the site, which its addresses in the issue lead to.

    A name holds a digest of its bytes, so a file that is there need not be written again.
    """
    for picture in frozen:
        yield site_path(entry, picture.name), picture.data
