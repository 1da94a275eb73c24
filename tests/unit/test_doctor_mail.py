"""The rules about a message: each fails on a message spoiled for it, none on a good one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pipeline.doctor.content import CONTENT
from pipeline.doctor.domains import aligned, parents
from pipeline.doctor.lists import LISTS
from pipeline.doctor.mail import Mail
from pipeline.doctor.message import MESSAGE
from pipeline.doctor.rule import Family, Status
from pipeline.doctor.signing import SIGNING
from tests.unit.doctor_mail import GOOD, HEAD, OUT, SPOILED, head, raw, signed

MAIL_FAMILIES: tuple[Family[Mail], ...] = (MESSAGE, LISTS, CONTENT)


def test_a_good_message_passes_every_rule() -> None:
    """No rule is so strict that nobody could keep it."""
    results = [result for family in MAIL_FAMILIES for result in family.examine(GOOD)]
    results += SIGNING.examine(signed())

    assert [each for each in results if each.status is not Status.PASSED] == []


@pytest.mark.parametrize(
    ("code", "number"), [(code, n) for code, cases in SPOILED.items() for n in range(len(cases))]
)
def test_a_spoiled_message_fails_its_rule(code: str, number: int) -> None:
    """The rule sees what it is there for, and says what was seen and what to do."""
    spoiled = SPOILED[code][number]
    families = MAIL_FAMILIES if isinstance(spoiled, Mail) else (SIGNING,)

    found = [
        result
        for family in families
        for result in family.examine(spoiled)
        if result.rule.code == code
    ]

    assert [each.status for each in found] == [Status.FAILED]
    assert all(finding.seen and finding.remedy for finding in found[0].findings)


@pytest.mark.parametrize(
    "junk",
    [b"", b"\r\n\r\n", b"\0", b"From", b"From: a\r\n" * 2000, b"((((" * 9000, GOOD.raw[:700]],
)
def test_no_message_is_too_broken_to_be_looked_at(junk: bytes) -> None:
    """Whatever stands there becomes findings, never a traceback."""
    spoiled = replace(GOOD, raw=junk)

    results = [result for family in MAIL_FAMILIES for result in family.examine(spoiled)]

    assert any(each.severe for each in results)


def test_the_way_out_may_also_be_a_mail_address() -> None:
    """RFC 8058 wants one https URI; a mailto beside it is for older programs."""
    both = head(f"<{OUT}>", f"<{OUT}>,\n <mailto:out@news.example.org?subject=AQEAAA>")

    assert [each.status for each in LISTS.examine(both)] == [Status.PASSED] * len(LISTS.rules)


def test_a_folded_field_is_read_whole() -> None:
    """A line that starts with a blank belongs to the field above it."""
    folded = replace(GOOD, raw=raw(HEAD.replace("List-Id: Example", "List-Id: Example\n ")))

    assert folded.value("List-Id").split() == GOOD.value("List-Id").split()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("example.org", "example.org", True),
        ("news.example.org", "example.org", True),
        ("news.example.org", "bounces.example.org", True),
        ("news.ibm.example", "bounces.ibm.example", True),
        ("a.co.uk", "b.co.uk", False),
        ("a.example.co.uk", "b.example.co.uk", True),
        ("example.org", "example.net", False),
        ("badexample.org", "example.org", False),
        ("example.org", "org", False),
        ("", "example.org", False),
        ("", "", False),
    ],
)
def test_domains_of_one_organisation_are_aligned(one: str, other: str, *, expected: bool) -> None:
    """Relaxed alignment, either way round; strict is equality."""
    assert aligned(one, other) is expected
    assert aligned(other, one) is expected
    assert aligned(one, other, strict=True) is (bool(one) and one == other)


def test_the_tree_walk_ends_below_the_top() -> None:
    """Nobody asks `org` for a policy."""
    assert parents("a.news.example.org") == [
        "a.news.example.org",
        "news.example.org",
        "example.org",
    ]
    assert parents("org") == ["org"]
