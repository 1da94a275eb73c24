"""The pages of the studio, and what stands in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.model.entry import EntryId
from pipeline.model.picture import site_path
from pipeline.model.sample_reader import SAMPLE_READERS
from pipeline.operations.compare import compare
from pipeline.operations.preview import Look
from pipeline.outbox.headers import MessageError
from pipeline.studio import view as views
from pipeline.studio.colouring import coloured
from pipeline.studio.desk import Desk, Seen
from pipeline.studio.headers import explained
from pipeline.studio.letter import Letter, with_addresses
from pipeline.studio.marking import MARK, marked
from pipeline.studio.sizes import CLIPPED, NEARLY_CLIPPED, sizes
from pipeline.studio.view import OWN, Tab, View

_MOST_SHOWN: Final = 400_000  # characters of a source that a page shows

_PICTURES: Final = (
    "pictures/"  # beside the address of the frame, so that a mail never has the token
)

_TABS: Final = (
    (Tab.MAIL, "Mail", "m"),
    (Tab.TEXT, "Text", "t"),
    (Tab.FINDINGS, "Findings", "f"),
    (Tab.SOURCE, "Issue file", "e"),
    (Tab.HTML, "HTML", "h"),
    (Tab.HEADERS, "Headers", ""),
    (Tab.PARTS, "Parts", ""),
    (Tab.RAW, "Raw", ""),
    (Tab.SIZE, "Size", ""),
    (Tab.COMPARE, "Compare", "c"),
    (Tab.ARCHIVE, "Archive", ""),
    (Tab.TEST, "Send a test", ""),
)


@dataclass(frozen=True)
class Pages:
    """Fills the templates of the studio; everything in them is escaped."""

    desk: Desk
    token: str = field(repr=False)

    def place(self, *parts: str) -> str:
        """Return the address of something in the studio; every one it writes is made here."""
        return views.place(self.token, *parts)

    @cached_property
    def _environment(self) -> Environment:
        environment = _environment()
        environment.globals["place"] = self.place
        environment.filters["near"] = self._near
        return environment

    def _near(self, file: str) -> str:
        """Return a file as one would say it in the workspace."""
        root = f"{self.desk.app.root}/"
        return file.removeprefix(root)

    def item(
        self, kind: str, name: str, seen: Seen, view: View, *, test: dict[str, str] | None = None
    ) -> str:
        """Return the page of an issue file or an entry."""
        letter, refused = self.letter(seen, view)
        tab = Tab.TEST if test is not None else view.tab
        look = seen.look
        words = {
            "kind": kind,
            "name": name,
            "seen": seen,
            "look": look,
            "view": view,
            "letter": letter,
            "refused": refused,
            "tab": tab,
            "tabs": _TABS,
            "severities": _severities(look.found if look else ()),
            "sizes": sizes(letter) if letter else None,
            "readers": SAMPLE_READERS,
            "own": OWN,
            "frame": f"{self.place(kind, name, 'mail')}{view.framed().query()}",
            "digest": sha256(letter.html.encode()).hexdigest()[:16] if letter else "",
            "mark": MARK,
            "test": test or {},
            "title": look.title if look else name,
        }
        words |= self._of_tab(tab, view, at=(kind, name), look=look, letter=letter)
        return self._fill("item.html", current=(kind, name), **words)

    def letter(self, seen: Seen, view: View) -> tuple[Letter | None, str]:
        """Return the message of a view, or why there is none."""
        if seen.look is None:
            return None, ""
        try:
            return self._filled(seen.look, view), ""
        except MessageError as error:
            return None, str(error)

    def _filled(self, look: Look, view: View) -> Letter:
        """Return the message of a look; the page and its frame read the same one."""
        message = self.desk.preview.message(look, view.who)
        return self._letter(message)

    @cached_property
    def _letter(self) -> Callable[[bytes], Letter]:
        return lru_cache(maxsize=8)(Letter)

    def framed(self, seen: Seen, view: View) -> str:
        """Return the HTML part for the frame: pictures have an address, and a change a name."""
        letter, _ = self.letter(seen, view)
        if letter is None or seen.look is None:
            return ""
        html = letter.html
        if seen.before:
            old = self._filled(seen.before, view)
            html = marked(old.html, html)
        # Where the archive will have them once it is written.
        for each in seen.look.rendered.pictures:
            url = f"{self.desk.app.newsletter.site_url}/{site_path(seen.look.entry, each.name)}"
            html = html.replace(url, _PICTURES + each.name)
        return with_addresses(html, _PICTURES)

    def picture(self, seen: Seen, name: str) -> tuple[bytes, str] | None:
        """Return a picture of the message by its content id, or of the archive by its name."""
        letter, _ = self.letter(seen, View())
        if letter is None or seen.look is None:
            return None
        if part := letter.pictures.get(name):
            return part.content, part.media_type
        for each in seen.look.rendered.pictures:
            if each.name == name:
                return each.data, each.media_type
        return None

    def feed(self, name: str) -> str:
        """Return the page of a feed file."""
        data = (self.desk.app.site / name).read_bytes()
        return self._fill(
            "feed.html",
            current=("feeds", name),
            title=name,
            size=len(data),
            lines=coloured(data.decode(errors="replace")[:_MOST_SHOWN]),
        )

    def archive(self, view: View) -> str:
        """Return the page of the written site."""
        there = (self.desk.app.site / "index.html").is_file()
        return self._fill(
            "archive.html", current=("archive", ""), title="Archive", there=there, view=view
        )

    def empty(self) -> str:
        """Return the page of a workspace without issues."""
        return self._fill("empty.html", current=("", ""), title="No issues yet")

    def missing(self, path: str, status: int) -> str:
        """Return the page for an address where nothing is."""
        return self._fill(
            "missing.html", current=("", ""), title="Not here", path=path, status=status
        )

    def _of_tab(
        self,
        tab: Tab,
        view: View,
        *,
        at: tuple[str, str],
        look: Look | None,
        letter: Letter | None,
    ) -> dict[str, Any]:
        """Return what only one tab needs."""
        if look is None or letter is None:
            return {}
        match tab:
            case Tab.HTML:
                return {"lines": coloured(letter.html)}
            case Tab.SOURCE:
                return {"lines": look.source.splitlines(), "by_line": _by_line(look.found)}
            case Tab.HEADERS:
                return {"headers": explained(letter, unsigned=self.desk.preview.unsigned)}
            case Tab.RAW:
                return {"lines": letter.raw.decode("ascii", "replace").splitlines()}
            case Tab.COMPARE:
                return self._compared(at, look, letter, view)
            case Tab.ARCHIVE:
                there = (self.desk.app.site / "issues" / look.entry).is_dir()
                return {"page": self.place("site", "issues", look.entry, "") if there else ""}
            case Tab.TEST:
                return {"sender": self.desk.app.settings.sender.kind}
            case _:
                return {}

    def _compared(
        self, at: tuple[str, str], look: Look, letter: Letter, view: View
    ) -> dict[str, Any]:
        """Compare a message with that of an entry, for the same reader."""
        ids = self.desk.app.outbox().ids()
        others = [each for each in ids if at != ("outbox", each)]
        against = view.against or (look.entry if look.entry in others else "")
        found: dict[str, Any] = {"others": others, "against": against, "groups": None}
        if against not in others:
            return found
        old = self._filled(self.desk.preview.entry(EntryId(against)), view)
        part = view.part.value
        found["groups"] = compare(getattr(old, part), getattr(letter, part))
        found["subjects"] = old.header("Subject"), letter.header("Subject")
        return found

    def _fill(self, template: str, *, current: tuple[str, str], **words: Any) -> str:
        shelf = self.desk.shelf
        (issues, entries), feeds = shelf.items(), shelf.feeds()
        order = [("issues", each.name) for each in issues]
        order += [("outbox", each.name) for each in entries]
        before, after = _neighbours(order, current)
        return self._environment.get_template(template).render(
            newsletter=self.desk.app.newsletter,
            has_workspace=self.desk.app.has_workspace,
            version=self.desk.version,
            issues=issues,
            entries=entries,
            feeds=feeds,
            current=current,
            before=before,
            after=after,
            **{"view": View(), **words},
        )


def _neighbours(
    order: list[tuple[str, str]], current: tuple[str, str]
) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    before = {second: first for first, second in pairwise(order)}
    after = dict(pairwise(order))
    return before.get(current), after.get(current)


def _severities(found: tuple[Diagnostic, ...]) -> list[tuple[Severity, int]]:
    counts = Counter(each.severity for each in found)
    return [(severity, counts[severity]) for severity in Severity if counts[severity]]


def _by_line(found: tuple[Diagnostic, ...]) -> dict[int, list[Diagnostic]]:
    lines: dict[int, list[Diagnostic]] = {}
    for each in found:
        if each.line:
            lines.setdefault(each.line, []).append(each)
    return lines


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("pages")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "Tab": Tab,
        "Width": views.Width,
        "Scheme": views.Scheme,
        "Pictures": views.Pictures,
        "Layout": views.Layout,
        "Compared": views.Compared,
        "clipped": CLIPPED,
        "nearly_clipped": NEARLY_CLIPPED,
    }
    return environment
