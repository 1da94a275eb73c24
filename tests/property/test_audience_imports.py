from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from pipeline.audience.exporting import unshield
from pipeline.audience.importing import Reject, Row, read_rows
from pipeline.errors import ConfigError

LINES = st.lists(st.text("ab@.,;\"' \t<>=é\0\x85\u2028", max_size=20), max_size=12)
PEOPLE = st.lists(
    st.tuples(
        st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.org", fullmatch=True),
        st.text("abé,;\"' |\n", max_size=12),
    ),
    max_size=30,
)


@given(LINES, st.sampled_from(("", "email\n", "email,name\n")))
def test_every_line_that_is_not_blank_comes_out_once(lines: list[str], header: str) -> None:
    """Whatever is in a file, each row is somebody or has a reason, and none is lost."""
    text = header + "\n".join(lines)
    try:
        found = list(read_rows(io.BytesIO(text.encode()), encoding="utf-8"))
    except ConfigError:
        return

    blank = [number for number, line in enumerate(text.split("\n"), 1) if not line.strip()]
    covered = [row.line + extra for row in found for extra in range(row.text.count("\n") + 1)]
    assert len(covered) == len(set(covered))
    missing = set(range(1, text.count("\n") + 2)) - set(covered) - set(blank)
    assert missing <= {min(missing, default=1)}  # the header, if the first line is one
    assert all(row.reason for row in found if isinstance(row, Reject))


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading(content: bytes) -> None:
    """A file of anything ends in rows, or in an error of ours."""
    try:
        found = list(read_rows(io.BytesIO(content)))
    except ConfigError:
        return

    assert all(row.line > 0 for row in found)


@given(PEOPLE, st.sampled_from(",;\t|"))
def test_what_the_csv_module_wrote_is_read(people: list[tuple[str, str]], mark: str) -> None:
    """Everybody comes once with the first of their names, whatever is in it."""
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=mark).writerows([("email", "name"), *people])

    found = list(read_rows(io.BytesIO(file.getvalue().encode())))

    # An apostrophe before what starts a formula is taken for the one our own export adds.
    first = {address: unshield(name.strip()) for address, name in reversed(people)}
    rows = {row.address.given: row.name for row in found if isinstance(row, Row)}
    assert rows == {address: " ".join(name.split()) for address, name in first.items()}
    assert len(found) == len(people)
    assert all(row.duplicate for row in found if isinstance(row, Reject))
