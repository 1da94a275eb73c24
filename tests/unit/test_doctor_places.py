"""The rules about settings, files, database, site and DNS, by values; nobody is asked."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.doctor.configuration import CONFIGURATION
from pipeline.doctor.dns import DNS, Names
from pipeline.doctor.families import FAMILIES
from pipeline.doctor.one_click import ONE_CLICK, REACH
from pipeline.doctor.probing import Site
from pipeline.doctor.rule import Family, Level, NotChecked, Result, Status
from pipeline.doctor.site import PAGES
from pipeline.doctor.spf import cost, verdict
from pipeline.doctor.store import DATABASE, FILES
from tests.unit import doctor_mail, doctor_places
from tests.unit.doctor_places import NAMES, TABLE, spf, table, txt

GOOD: list[tuple[Family[Any], Any]] = [
    (CONFIGURATION, doctor_places.CONFIGURATION),
    (FILES, doctor_places.FILES),
    (DATABASE, doctor_places.CONTENTS),
    (ONE_CLICK, doctor_places.WALK),
    (PAGES, doctor_places.WALK),
    (DNS, NAMES),
]
FAMILY_OF = {rule.code: family for family in FAMILIES for rule in family.rules}
# These two look for themselves; tests/integration/test_doctor.py has them fail and pass.
ASKING = {"D801", "D802"}


def result(code: str, subject: Any) -> Result:
    """Return what one rule says."""
    return next(each for each in FAMILY_OF[code].examine(subject) if each.rule.code == code)


@pytest.mark.parametrize(("family", "subject"), GOOD, ids=lambda each: getattr(each, "name", ""))
def test_what_is_good_passes_every_rule(family: Family[Any], subject: Any) -> None:
    """No rule is so strict that nobody could keep it."""
    assert [each for each in family.examine(subject) if each.status is not Status.PASSED] == []


@pytest.mark.parametrize(
    ("code", "number"),
    [(code, n) for code, cases in doctor_places.SPOILED.items() for n in range(len(cases))],
)
def test_what_is_spoiled_fails_its_rule(code: str, number: int) -> None:
    """The rule sees what it is there for, and says what was seen and what to do."""
    found = result(code, doctor_places.SPOILED[code][number])

    assert found.status is Status.FAILED
    assert all(finding.seen and finding.remedy for finding in found.findings)


def test_every_rule_has_a_case_in_which_it_fails() -> None:
    """A rule that cannot fail says nothing; codes are never given twice."""
    codes = [rule.code for family in FAMILIES for rule in family.rules]

    assert len(set(codes)) == len(codes)
    assert {*doctor_mail.SPOILED, *doctor_places.SPOILED, *ASKING} == set(codes)


def test_every_rule_has_a_case_in_which_it_passes() -> None:
    """The good cases reach each family whose rules look at values."""
    reached = {family.name for family, _ in GOOD} | {"message", "list headers", "content"}

    assert {family.name for family in FAMILIES} - reached == {"signature", REACH.name}


def test_every_rule_says_who_wants_it_and_what_to_do() -> None:
    """A finding without source and remedy is a complaint."""
    for rule in (rule for family in FAMILIES for rule in family.rules):
        assert rule.title
        assert rule.title == rule.title.strip(". ")
        assert rule.source
        assert rule.remedy


def test_what_cannot_be_looked_at_is_neither_passed_nor_failed() -> None:
    """Each rule says why nobody can tell."""
    found = list(DNS.examine(NotChecked("nobody was asked")))

    assert {(each.status, each.why) for each in found} == {
        (Status.NOT_CHECKED, "nobody was asked")
    }
    assert not any(each.severe for each in found)


def test_only_what_should_hold_may_be_left_undone() -> None:
    """The other levels fail the run."""
    found = [result(code, doctor_places.SPOILED[code][0]) for code in doctor_places.SPOILED]

    assert {each.rule.code for each in found if each.severe} == {
        each.rule.code for each in found if each.rule.level is not Level.SHOULD
    }


@pytest.mark.parametrize(
    ("code", "subject"),
    [
        ("D503", replace(doctor_places.CONFIGURATION, sender_kind="eml")),
        ("D504", replace(doctor_places.CONFIGURATION, signs=False)),
        ("D603", replace(doctor_places.FILES, has_database=False, has_secret=False)),
        ("D904", txt(doctor_places.HOME)),
        ("D905", txt(doctor_places.HOME)),
        ("D906", replace(NAMES, address=None)),
        ("D907", replace(NAMES, records=())),
        ("D909", txt("_dmarc.example.org")),
        ("D910", replace(NAMES, address=None)),
    ],
)
def test_a_rule_without_its_subject_is_not_checked(code: str, subject: Any) -> None:
    """Nothing to look at is no proof, and no fault."""
    assert result(code, subject).status is Status.NOT_CHECKED


def test_a_damaged_database_is_asked_nothing_else() -> None:
    """What it says of itself is worth nothing then."""
    found = list(DATABASE.examine(doctor_places.SPOILED["D701"][0]))

    assert [each.status for each in found] == [
        Status.FAILED,
        *([Status.NOT_CHECKED] * (len(DATABASE.rules) - 1)),
    ]


def test_a_dns_that_is_silent_proves_nothing() -> None:
    """Who asked for proof and got none has not passed."""
    silent = table(silent=frozenset({doctor_places.HOME}))

    assert result("D903", silent).status is Status.FAILED
    assert "does not say" in result("D903", silent).findings[0].seen


def test_a_relay_on_this_machine_needs_no_encryption() -> None:
    """Nobody listens on a loopback."""
    local = doctor_places.options(host="127.0.0.1", tls="off")

    assert result("D503", local).status is Status.PASSED


def test_a_site_on_this_machine_is_not_held_to_be_public() -> None:
    """The probe at a loopback address proves nothing about certificates."""
    assert result("D802", Site("http://127.0.0.1:9")).status is Status.NOT_CHECKED
    assert result("D802", Site("http://news.example.org")).status is Status.FAILED
    assert result("D802", Site("https://news.example.org")).status is Status.PASSED


def test_the_policy_of_the_name_itself_comes_first() -> None:
    """The tree walk stops at the first record."""
    own = txt("_dmarc.news.example.org", "v=DMARC1; p=none; adkim=s")

    assert result("D908", own).status is Status.PASSED
    assert result("D909", replace(own, signing_domain="example.org")).status is Status.FAILED


@pytest.mark.parametrize(
    ("record", "address", "expected"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.9", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "2001:db8::1", "fail"),
        ("v=spf1 ip6:2001:db8::/32 ~all", "2001:db8::1", "pass"),
        ("v=spf1 mx ~all", "198.51.100.9", "pass"),
        ("v=spf1 mx/24 ~all", "198.51.100.77", "pass"),
        ("v=spf1 a:mail.example.org -all", "192.0.2.7", "pass"),
        ("v=spf1 include:_spf.example.net ?all", "192.0.2.7", "neutral"),
        ("v=spf1 include:_spf.example.net ?all", "2001:db8::7", "pass"),
        ("v=spf1 redirect=_spf.example.net", "2001:db8::7", "pass"),
        ("v=spf1 redirect=_spf.example.net", "192.0.2.7", "fail"),
        ("v=spf1 exists:%{i}.example.net -all", "192.0.2.7", "fail"),
        ("v=spf1 ip4:nonsense IP4:192.0.2.7 -ALL", "192.0.2.7", "pass"),
        ("v=spf1", "192.0.2.7", "neutral"),
    ],
)
def test_spf_says_what_receivers_say(record: str, address: str, expected: str) -> None:
    """The terms are taken in order, the first that matches decides (RFC 7208 4.6.2)."""
    assert verdict(spf(record).resolver, doctor_places.HOME, address) == expected


def test_the_cost_of_spf_counts_what_is_included() -> None:
    """Every question of every record counts, wherever it stands (RFC 7208 4.6.4)."""
    names: Names = spf(
        "v=spf1 ip4:192.0.2.0/24 a include:a.example.net -all", a="v=spf1 mx exists:%{i}.x -all"
    )

    found = cost(names.resolver, doctor_places.HOME)

    assert (found.lookups, found.unread) == (4, [])


def test_records_that_include_each_other_end() -> None:
    """A circle of includes is no way to keep the doctor busy."""
    names = spf("v=spf1 include:a.example.net", a="v=spf1 include:a.example.net")

    assert verdict(names.resolver, doctor_places.HOME, "192.0.2.7") in {"permerror", "neutral"}
    assert cost(names.resolver, doctor_places.HOME).lookups > 10


def test_a_name_without_records_costs_nothing() -> None:
    """Who has no SPF is asked once."""
    assert cost(TABLE, "nothing.example.org").lookups == 0
