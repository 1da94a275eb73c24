"""What tells two issues apart."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pipeline.model.issue import Issue, Provenance, Section, Story

ISSUE = Issue(title="On Knots", sections=(Section(stories=(Story(title="Bowline"),)),))


@pytest.mark.parametrize("name", [*Issue.__struct_fields__])
def test_issues_are_equal_that_say_the_same(name: str) -> None:
    """Every field counts but where the issue was read, in whatever order fields stand."""
    read = Provenance(file="43.md", format="markdown", sha256="0" * 64, words=2, lines=1)

    other = replace(ISSUE, **{name: read})

    assert (other == ISSUE) is (name == "provenance")
    assert name != "provenance" or hash(other) == hash(ISSUE)
