"""Cutting a growing archive: nothing is lost, nothing that is full ever changes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.publish.lists import FIRST_PAGE, PAGE, Piece, archives, pages, parts

WEIGHTS = st.lists(st.integers(1, 120), max_size=80)


def whole(pieces: tuple[Piece, ...], count: int) -> bool:
    """Say whether the pieces cover every issue once, in order."""
    joined = all(before.end == after.start for before, after in pairwise(pieces))
    return joined and pieces[0].start == 0 and pieces[-1].end == count


@given(st.integers(0, 300))
def test_pages_hold_every_issue_once(count: int) -> None:
    """Full pages have numbers and one size, the newest has none and is never nearly empty."""
    cut = pages(count)

    assert whole(cut, count)
    assert [each.number for each in cut] == [*range(1, len(cut)), None]
    assert {each.end - each.start for each in cut[:-1]} <= {PAGE}
    assert min(count, FIRST_PAGE) <= cut[-1].end - cut[-1].start < PAGE + FIRST_PAGE


@given(st.integers(0, 300))
def test_a_full_page_stays_as_it_is(count: int) -> None:
    """One more issue leaves every full page with the same issues."""
    before, after = pages(count), pages(count + 1)

    assert after[: len(before) - 1] == before[:-1]


@given(st.integers(0, 300), st.integers(1, 50))
def test_parts_have_one_size_but_for_the_newest(count: int, size: int) -> None:
    """All have a number, so that an index can name them."""
    cut = parts(count, size)

    assert [each.number for each in cut] == [*range(1, len(cut) + 1)]
    assert sum(each.end - each.start for each in cut) == count
    assert {each.end - each.start for each in cut[:-1]} <= {size}


@given(WEIGHTS)
def test_archive_documents_hold_everything_the_feed_does_not(weights: list[int]) -> None:
    """No issue falls between the documents, and each fits by number and by weight."""
    cut = archives(weights, most=7, room=100)

    assert whole(cut, len(weights))
    for each in cut:
        heavy = weights[each.start : each.end]
        assert len(heavy) <= 7
        assert sum(heavy) <= 100 or len(heavy) == 1


@given(WEIGHTS, st.integers(1, 120))
def test_a_full_archive_document_stays_as_it_is(weights: list[int], newest: int) -> None:
    """One more issue leaves every full document with the same issues (RFC 5005 4)."""
    before = archives(weights, most=7, room=100)
    after = archives([*weights, newest], most=7, room=100)

    assert after[: len(before) - 1] == before[:-1]
