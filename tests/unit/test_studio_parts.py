"""What the studio reads out of a message, and where it looks first."""

from __future__ import annotations

from pipeline.operations.compare import compare
from pipeline.studio.colouring import coloured
from pipeline.studio.letter import Letter, with_addresses
from pipeline.studio.marking import MARK, marked
from pipeline.studio.sizes import CLIPPED, sizes
from pipeline.studio.view import Scheme, Tab, View, Width

RAW = (
    b"From: The Quay <quay@example.org>\r\nSubject: =?utf-8?q?Caf=C3=A9?=\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n"
    b"--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n"
    b"--a\r\nContent-Type: text/html; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<html><head><title>No</title></head><body><div>Peek &amp; boo &#8199;&#847;</div>"
    b'<img src=3D"cid:one@x">Hi</body></html>\r\n--a--\r\n'
    b"--b\r\nContent-Type: image/png\r\nContent-ID: <one@x>\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n"
)


def test_a_letter_is_read_as_mail_programs_do() -> None:
    """Headers are decoded, parts are a tree, pictures have their content id."""
    letter = Letter(RAW)

    assert letter.header("Subject") == "Café"
    assert [(part.depth, part.media_type) for part in letter.parts] == [
        (0, "multipart/related"),
        (1, "multipart/alternative"),
        (2, "text/plain"),
        (2, "text/html"),
        (1, "image/png"),
    ]
    assert letter.text.strip() == "Hello"
    assert letter.pictures["one@x"].content.startswith(b"\x89PNG")


def test_a_snippet_is_what_a_list_of_mails_shows() -> None:
    """Hidden words count, padding and the title do not."""
    assert Letter(RAW).snippet() == "Peek & boo Hi"


def test_attached_pictures_get_an_address() -> None:
    """Each `cid:` leads to a picture of the studio, quoted so that it stays one part of a path."""
    html = '<img src="cid:a/../b@x"><td style="background:url(\'cid:c\')">'

    assert with_addresses(html, "/p/") == (
        '<img src="/p/a%2F..%2Fb%40x"><td style="background:url(\'/p/c\')">'
    )


def test_the_parts_weigh_as_much_as_the_whole() -> None:
    """The sizes add up to the bytes of the message, and the limit is on the larger HTML."""
    weighed = sizes(Letter(RAW))

    assert sum(each.transferred for each in weighed.slices) == weighed.total == len(RAW)
    assert weighed.state == "fine"
    large = RAW.replace(b"Hi</body>", b"x" * CLIPPED + b"</body>")
    assert sizes(Letter(large)).state == "cut"


def test_the_mark_stands_before_the_largest_change() -> None:
    """The block before the change has the id, and nothing else differs."""
    blocks = [f"<p>Paragraph {number}</p>" for number in range(9)]
    old = f"<body>{''.join(blocks)}</body>"
    blocks[1] = "<p>Paragraph one</p>"
    blocks[7] = "<p>Quite another thing stands here</p>"
    new = f"<body>{''.join(blocks)}</body>"

    shown = marked(old, new)

    assert f'<p id="{MARK}">Paragraph 6</p>' in shown
    assert shown.replace(f' id="{MARK}"', "") == new
    assert marked(new, new) == new


def test_a_comparison_tells_words_apart() -> None:
    """A changed line shows its changed words; a line that came or went stands alone."""
    (group,) = compare("one\ntwo red boats\n", "one\ntwo blue boats\nthree\n")

    changed = [row for row in group if not row.same]

    assert [piece.text for piece in changed[0].old_pieces if piece.differs] == ["red"]
    assert [piece.text for piece in changed[0].new_pieces if piece.differs] == ["blue"]
    assert (changed[1].old, changed[1].new) == (None, 3)
    assert compare("same", "same") == ()


def test_source_is_coloured_and_escaped() -> None:
    """Tags are told apart, and all of it is text."""
    (line,) = coloured('<p class="x">a &amp; b</p>')

    assert '<span class="t-tag">&lt;p</span>' in line
    assert '<span class="t-value">&#34;x&#34;</span>' in line
    assert "<p" not in line


def test_a_view_is_its_address() -> None:
    """What is not said is as usual, nonsense is not said, and an address says what differs."""
    view = View.of({"tab": "html", "width": "phone", "scheme": "purple", "more": "x"})

    assert (view.tab, view.width, view.scheme) == (Tab.HTML, Width.PHONE, Scheme.LIGHT)
    assert view.query() == "?tab=html&width=phone"
    assert View.of({}).query() == "?"
    assert View.of({"reader": "own", "fields": "city=Ghent, x"}).who.fields == {"city": "Ghent"}


def test_a_paragraph_that_is_no_longer_the_last_one_did_not_change() -> None:
    """The mark is near what was written, although the style of its neighbour changed, too."""
    long = "Word. " * 200
    old = f'<body><h2>A</h2><p class="last">{long}</p></body>'
    new = f'<body><h2>A</h2><p>{long}</p><p class="last">One more. Word. </p></body>'

    assert f'<p id="{MARK}" class="last">One more.' in marked(old, new)
