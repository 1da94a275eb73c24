"""Ask the network whether the links of issues lead anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.model.newsletter import Newsletter
from pipeline.operations.examine import Examined, issue_url
from pipeline.preflight.following.door import Door
from pipeline.preflight.following.fate import follow_all
from pipeline.preflight.following.rules import judged, places
from pipeline.preflight.verdict import weigh


class Follow(Struct, frozen=True, kw_only=True):
    """Follow the links of examined issues; each address is asked for once, whoever links it."""

    newsletter: Newsletter
    door: Door = field(default_factory=Door)
    severity: Mapping[str, Severity | None] = field(default_factory=dict)  # None: off

    def __call__(
        self,
        examined: Sequence[Examined],
        *,
        progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> Mapping[Path, tuple[Diagnostic, ...]]:
        """Return the findings of each file, as they count.

        Args:
            examined: what `Examine` gave.
            progress: told how many links of how many are done.
        """
        by_file = {each.file: self._places(each) for each in examined}
        urls = dict.fromkeys(url for found in by_file.values() for url in found)
        done: list[str] = []

        def count(url: str) -> None:
            done.append(url)
            progress(len(done), len(urls))

        progress(0, len(urls))
        fates = follow_all(urls, self.door, progress=count)
        return {
            each.file: tuple(
                found if found.file else replace(found, file=str(each.file))
                for found in weigh(
                    each.issue,
                    tuple(judged(each.issue, by_file[each.file], fates)),
                    severity=self.severity,
                )
            )
            for each in examined
        }

    def _places(self, examined: Examined) -> dict[str, str | None]:
        """Leave out what is not there before the issue is published: its page, its pictures."""
        to_come = (
            issue_url(examined.issue, examined.entry, self.newsletter),
            f"{self.newsletter.site_url}/images/{examined.entry}/",
        )
        found = places(examined.issue, examined.rendered)
        return {url: place for url, place in found.items() if not url.startswith(to_come)}
