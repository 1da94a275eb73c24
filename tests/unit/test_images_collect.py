"""The pictures of an issue: found, refused with a place, named, and put in their places."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Literal

import pytest

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import IssueError
from pipeline.images import collect
from pipeline.images.codes import CODES
from pipeline.images.collect import Collected, Collector, Options
from pipeline.images.place import place
from pipeline.images.placing import images
from pipeline.model.content import (
    Button,
    Emphasis,
    Figure,
    Heading,
    Image,
    Labelled,
    Link,
    ListBlock,
    Paragraph,
    Quote,
    Table,
)
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.issue_json import from_json, to_json
from pipeline.model.newsletter import Newsletter
from tests.unit.picture_files import animated, claiming, drawn, encoded

NEWSLETTER = Newsletter()
SITE = "https://news.example.org/images/091"


class Desk:
    """A workspace with one issue, and who collects its pictures."""

    def __init__(self, root: Path) -> None:
        self.root = root / "workspace"
        self.file = self.root / "issues" / "091.md"
        self.file.parent.mkdir(parents=True)

    def put(self, name: str, data: bytes | None = None) -> Path:
        """Write a file, named relative to the workspace."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded() if data is None else data)
        return file

    def collect(
        self, *urls: str, travel: Literal["archive", "attach"] = "archive", column: int = 100
    ) -> Collected:
        """Write an issue with a picture a line, and collect them."""
        lines = [f"![A crane]({url})" for url in urls]
        self.file.write_text("\n".join(["# Cranes", "", *lines]), encoding="utf-8")
        collector = Collector(Options(travel=travel, column=column), self.root)
        return collector(issue(*urls), file=self.file, entry="091", newsletter=NEWSLETTER)

    def refusal(self, *urls: str) -> tuple[Diagnostic, ...]:
        """Return why an issue with these pictures is refused."""
        with pytest.raises(IssueError) as caught:
            self.collect(*urls)
        return caught.value.diagnostics


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Give an empty workspace."""
    return Desk(tmp_path)


def issue(*urls: str, image: str | None = None) -> Issue:
    """Return an issue that shows pictures one after the other."""
    story = Story(title="Cranes", body=tuple(Figure(Image(url, "A crane")) for url in urls))
    return Issue(title="Cranes", image=image, sections=(Section(stories=(story,)),))


def shown(collected: Issue) -> list[tuple[str, int | None, int | None]]:
    """Return address and size of every picture."""
    return [(image.url, image.width, image.height) for image in images(collected)]


def test_a_picture_gets_its_address_and_its_size(desk: Desk) -> None:
    """On the site and in the mail; the file keeps twice what is shown."""
    desk.put("issues/crane.png", encoded(drawn((400, 200))))

    collected = desk.collect("crane.png")

    (picture,) = collected.pictures
    assert (picture.width, picture.height, picture.media_type) == (200, 100, "image/png")
    assert picture.name == f"crane-{sha256(picture.data).hexdigest()[:8]}.png"
    assert shown(collected.issue) == [(f"{SITE}/{picture.name}", 100, 50)]
    assert collected.mailed == collected.issue


def test_an_attached_picture_is_named_by_its_content_id(desk: Desk) -> None:
    """In the mail alone: pages and feeds have no message to look into."""
    desk.put("issues/crane.png")

    collected = desk.collect("crane.png", travel="attach")

    (picture,) = collected.pictures
    assert shown(collected.issue) == [(f"{SITE}/{picture.name}", 40, 20)]
    assert shown(collected.mailed) == [(f"cid:{picture.name}@news.example.org", 40, 20)]


def test_pictures_of_the_web_stay_links(desk: Desk) -> None:
    """Nothing is fetched, and the issue is the same object."""
    urls = ("https://example.org/a.png", "http://example.org/b.png", "//example.org/c.png", "")

    collected = desk.collect(*urls)

    assert [url for url, *_ in shown(collected.issue)] == list(urls)
    assert collected.pictures == ()


@pytest.mark.parametrize(
    ("there", "url"),
    [
        ("issues/crane.png", "crane.png"),
        ("issues/crane.png", "./crane.png"),
        ("issues/pictures/crane.png", "pictures/crane.png"),
        ("pictures/crane.png", "../pictures/crane.png"),
        ("pictures/crane.png", "pictures/crane.png"),
        ("issues/der Kran Ö.png", "der%20Kran%20%C3%96.png"),
        ("issues/der Kran Ö.png", "der Kran Ö.png"),
    ],
)
def test_a_picture_is_found_beside_the_issue_or_in_the_workspace(
    desk: Desk, there: str, url: str
) -> None:
    """The folder of the issue comes first, and a reader may have percent-encoded the name."""
    desk.put(there)

    assert len(desk.collect(url).pictures) == 1


def test_the_folder_of_the_issue_comes_first(desk: Desk) -> None:
    """Two pictures of one name: the nearer one is meant."""
    desk.put("issues/crane.png", encoded(drawn((30, 30))))
    desk.put("crane.png", encoded(drawn((50, 50))))

    assert desk.collect("crane.png").pictures[0].width == 30


def test_the_same_picture_is_one_file(desk: Desk) -> None:
    """Whatever it is called, and however often it is shown."""
    desk.put("issues/crane.png")
    desk.put("issues/kran.png")

    collected = desk.collect("crane.png", "./crane.png", "kran.png", "crane.png")

    assert [picture.name[:6] for picture in collected.pictures] == ["crane-"]
    assert len({url for url, *_ in shown(collected.issue)}) == 1


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Größe & Maß.png", "grosse-mass"),
        ("..hidden.png", "hidden"),
        ("鶴.png", "picture"),
        ("x" * 90 + ".png", "x" * 40),
        ("a\"b'\r\nBcc; x.png", "a-b-bcc-x"),
    ],
)
def test_a_name_is_plain(desk: Desk, name: str, slug: str) -> None:
    """It stands in headers, folders and addresses: letters, digits, hyphens and one dot."""
    desk.put(f"issues/{name}")

    (picture,) = desk.collect(name).pictures

    assert picture.name.rpartition("-")[0] == slug


def test_the_picture_of_the_issue_goes_the_same_way(desk: Desk) -> None:
    """`image:` in the front matter is what social networks show."""
    desk.put("issues/card.png")
    collector = Collector(Options(), desk.root)

    collected = collector(
        issue(image="card.png"), file=desk.file, entry="091", newsletter=NEWSLETTER
    )

    assert collected.issue.image == f"{SITE}/{collected.pictures[0].name}"


def test_every_place_of_an_issue_is_looked_at() -> None:
    """Each kind of block and of inline content, and the order of reading."""
    names = iter(range(100))

    def here() -> Image:
        return Image(f"{next(names)}.png", "")

    deep = Issue(
        title="",
        image="own",
        intro=(Paragraph((here(), Emphasis((Link("x", (here(),)),)))),),
        sections=(
            Section(
                intro=(Figure(here()),),
                stories=(
                    Story(
                        tldr=(here(),),
                        body=(
                            Quote((ListBlock(((Paragraph((here(),)),), (Figure(here()),))),)),
                            Table(((here(),),), (((here(),),),), (None,)),
                            Labelled("Why", (Heading(4, (here(),)),)),
                            Button("x", (here(),)),
                        ),
                        takeaways=((here(),),),
                        tradeoffs=((here(),),),
                    ),
                ),
            ),
        ),
    )

    found = [image.url for image in images(deep)]

    assert sorted(found) == sorted(["own", *(f"{n}.png" for n in range(next(names)))])


def test_an_issue_with_its_sizes_is_the_same_as_json(desk: Desk) -> None:
    """issue.json keeps address, width and height."""
    desk.put("issues/crane.png")
    collected = desk.collect("crane.png").issue

    assert from_json(to_json(collected)) == collected


def test_a_missing_picture_is_refused_with_its_line_and_what_was_meant(desk: Desk) -> None:
    """Every one at once, with file, line, column, and a near name."""
    desk.put("issues/pics/Crane.png")

    first, second = desk.refusal("pics/crain.png", "gone.png")

    assert (first.code, first.file, first.line, first.column) == ("E151", str(desk.file), 3, 12)
    assert first.source == "![A crane](pics/crain.png)"
    assert first.source[(first.column or 0) - 1 : (first.end_column or 0) - 1] == "pics/crain.png"
    assert first.help == "did you mean pics/Crane.png?"
    assert (second.code, second.line) == ("E151", 4)


def test_a_name_within_another_is_not_its_place(desk: Desk) -> None:
    """`a.png` is not found in `data.png`; a percent-encoded name is found as it is written."""
    desk.file.write_text("data.png\na.png-x\n![x](a.png)\n![x](<b c.png>)", encoding="utf-8")

    assert place("a.png", desk.file).line == 3
    assert place("b%20c.png", desk.file).line == 4
    assert place("d.png", desk.file).line is None


@pytest.mark.parametrize(
    "url",
    [
        "../../outside.png",
        "%2e%2e/%2E%2E/outside.png",
        "pics/../../../outside.png",
        "{above}/outside.png",
        "%2F{above}/outside.png",
        "absolute-link.png",
        "relative-link.png",
        "../../not-there.png",
        "a.png%00.png",
    ],
)
def test_nothing_outside_the_workspace_is_read(desk: Desk, url: str) -> None:
    """Dots, absolute paths, links and encodings lead nowhere, and tell of no other folder."""
    above = desk.root.parent
    (above / "outside.png").write_bytes(encoded())
    (desk.file.parent / "pics").mkdir()
    (desk.file.parent / "absolute-link.png").symlink_to(above / "outside.png")
    (desk.file.parent / "relative-link.png").symlink_to("../../outside.png")

    (refusal,) = desk.refusal(url.format(above=above))

    assert refusal.code == "E152"
    assert "outside.png?" not in (refusal.help or "")


def test_an_absolute_path_is_refused_wherever_it_leads(desk: Desk) -> None:
    """An issue is the same on every machine, so it names nothing that is on one alone."""
    file = desk.put("issues/crane.png")

    assert desk.refusal(str(file))[0].code == "E152"


def test_no_name_of_a_file_outside_is_told(desk: Desk) -> None:
    """What may have been meant is looked for where a picture could be taken from."""
    (desk.root.parent / "crane.png").write_bytes(encoded())

    (refusal,) = desk.refusal("../crain.png")

    assert refusal.code == "E151"
    assert "crane.png" not in (refusal.help or "")


def test_a_folder_that_is_a_link_leads_nowhere_either(desk: Desk) -> None:
    """The whole path is followed before it is looked at."""
    other = desk.root.parent / "other"
    other.mkdir()
    (other / "crane.png").write_bytes(encoded())
    (desk.file.parent / "pics").symlink_to(other)

    assert [each.code for each in desk.refusal("pics/crane.png", "pics/crain.png")] == [
        "E152",
        "E152",
    ]


def test_a_link_inside_the_workspace_is_followed(desk: Desk) -> None:
    """Pictures may be kept in one folder and linked from another."""
    target = desk.put("library/crane.png")
    (desk.file.parent / "link.png").symlink_to(target)

    assert len(desk.collect("link.png").pictures) == 1


def test_links_in_a_circle_are_a_missing_picture(desk: Desk) -> None:
    """Nobody follows them for ever; nor is a name that no system has a failure."""
    (desk.file.parent / "link.png").symlink_to("link.png")

    assert [each.code for each in desk.refusal("link.png", "x" * 300)] == ["E151", "E151"]


def test_without_a_workspace_the_folder_of_the_issue_is_all_there_is(desk: Desk) -> None:
    """A file built anywhere reads nothing above it."""
    desk.put("crane.png")
    desk.file.write_text("![x](../crane.png)")

    with pytest.raises(IssueError, match="E152"):
        Collector(Options())(
            issue("../crane.png"), file=desk.file, entry="091", newsletter=NEWSLETTER
        )


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64,AAAA",
        " DATA:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "cid:crane@news.example.org",
        "javascript:alert(1)",
        r"C:\pictures\crane.png",
    ],
)
def test_other_addresses_are_refused(desk: Desk, url: str) -> None:
    """A picture is a file or an address of the web, and the message is short."""
    (refusal,) = desk.refusal(url)

    assert refusal.code == "E153"
    assert len(refusal.message) < 80


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<svg onload='alert(1)'/>", "E154"),
        (b"no picture", "E155"),
        (encoded()[:-30], "E155"),
        (claiming(10_000, 10_000), "E156"),
    ],
)
def test_a_bad_file_is_named(desk: Desk, data: bytes, code: str) -> None:
    """The refusal says which file, and where the issue names it."""
    desk.put("issues/crane.png", data)

    (refusal,) = desk.refusal("crane.png")

    assert (refusal.code, refusal.line) == (code, 3)
    assert refusal.message.startswith("crane.png ")
    assert refusal.help


def test_a_file_of_many_bytes_is_not_read(desk: Desk) -> None:
    """A sparse file of a terabyte costs no more than the limit."""
    with desk.put("issues/crane.png").open("r+b") as stream:
        stream.truncate(1 << 40)

    (refusal,) = desk.refusal("crane.png")

    assert refusal.code == "E156"


def test_a_file_that_changes_while_it_is_read_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of one picture and half of another is neither; the next run reads it whole."""
    file = desk.put("issues/crane.png")
    status = os.fstat

    def grown(descriptor: int) -> os.stat_result:
        found = status(descriptor)
        with file.open("ab") as stream:
            stream.write(b"more")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", grown)
        (refusal,) = desk.refusal("crane.png")

    assert refusal.code == "E157"
    assert desk.collect("crane.png").pictures


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_is_not_waited_for(desk: Desk, make: Callable[[Path], None]) -> None:
    """A named pipe has no end, and a folder is no picture."""
    make(desk.file.parent / "crane.png")

    assert desk.refusal("crane.png")[0].code == "E155"


def test_an_animation_that_is_too_large_is_a_warning(desk: Desk) -> None:
    """The issue is built, with the first picture, and says so."""
    desk.put("issues/crane.gif", animated(400))

    collected = desk.collect("crane.gif")

    (said,) = collected.diagnostics
    assert (said.code, said.severity, said.line) == ("W158", Severity.WARNING, 3)
    assert collected.pictures[0].media_type == "image/png"


def test_a_picture_is_decoded_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save that changes words costs no pictures; a save of the picture does."""
    file = desk.put("issues/crane.png")
    desk.file.write_text("![x](crane.png)")
    collector = Collector(Options(), desk.root)

    def names() -> list[str]:
        found = collector(issue("crane.png"), file=desk.file, entry="091", newsletter=NEWSLETTER)
        return [picture.name for picture in found.pictures]

    first = names()
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.images.prepare.prepare", pytest.fail)
        assert names() == first
    file.write_bytes(encoded(drawn((10, 10))))

    assert names() != first


def test_what_is_remembered_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview that runs for weeks keeps the last pictures only."""
    monkeypatch.setattr(collect, "MOST_KEPT", 2)
    collector = Collector(Options(), desk.root)
    for width in range(1, 6):
        desk.put("issues/crane.png", encoded(drawn((width, 5))))
        collector(issue("crane.png"), file=desk.file, entry="091", newsletter=NEWSLETTER)

    assert len(collector._kept) == 2


def test_a_code_says_how_much_it_weighs() -> None:
    """E stops, W warns; each has a sentence."""
    assert all(code[0] in "EW" and text.endswith(".") for code, text in CODES.items())


def test_a_tiny_picture_keeps_its_place(desk: Desk) -> None:
    """No measure becomes nothing, however thin a picture is."""
    desk.put("issues/line.png", encoded(drawn((1000, 1))))

    assert shown(desk.collect("line.png").issue)[0][1:] == (100, 1)
