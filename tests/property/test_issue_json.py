"""issue.json says everything an Issue says."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import content as c
from pipeline.model.issue import (
    Declared,
    Issue,
    Provenance,
    Section,
    Source,
    Span,
    Story,
    StoryKind,
)
from pipeline.model.issue_json import from_json, to_json

TEXT = st.text(max_size=20)
INLINE: st.SearchStrategy[c.Inline] = st.recursive(
    TEXT
    | st.builds(c.Code, TEXT)
    | st.builds(c.Image, TEXT, TEXT, st.none() | TEXT)
    | st.builds(c.LineBreak),
    lambda inner: st.one_of(
        st.builds(c.Emphasis, st.tuples(inner)),
        st.builds(c.Strong, st.tuples(inner)),
        st.builds(c.Strikethrough, st.tuples(inner)),
        st.builds(c.Link, TEXT, st.tuples(inner, inner)),
    ),
    max_leaves=6,
)
CONTENT = st.lists(INLINE, max_size=4).map(tuple)
BLOCK: st.SearchStrategy[c.Block] = st.recursive(
    st.one_of(
        st.builds(c.Paragraph, CONTENT),
        st.builds(c.CodeBlock, TEXT, st.none() | TEXT),
        st.builds(c.Table, st.tuples(CONTENT), st.tuples(st.tuples(CONTENT)), st.just((None,))),
        st.builds(c.Rule),
        st.builds(c.Figure, st.builds(c.Image, TEXT, TEXT), st.none() | TEXT, st.none() | TEXT),
        st.builds(c.Button, TEXT, CONTENT),
        st.builds(c.Heading, st.integers(4, 6), CONTENT),
    ),
    lambda inner: st.one_of(
        st.builds(c.Quote, st.tuples(inner)),
        st.builds(c.Labelled, TEXT, st.tuples(inner)),
        st.builds(c.ListBlock, st.tuples(st.tuples(inner)), st.booleans(), st.integers(0, 9)),
    ),
    max_leaves=5,
)
BLOCKS = st.lists(BLOCK, max_size=3).map(tuple)
STORY = st.builds(
    Story,
    kind=st.sampled_from(StoryKind),
    title=st.none() | TEXT,
    tldr=st.none() | CONTENT,
    body=BLOCKS,
    takeaways=st.lists(CONTENT, max_size=2).map(tuple),
    tradeoffs=st.lists(CONTENT, max_size=2).map(tuple),
    source=st.none() | st.builds(Source, anchor=TEXT, url=st.none() | TEXT),
)
ISSUE = st.builds(
    Issue,
    title=TEXT,
    number=st.none() | TEXT,
    date=st.none() | st.dates(date(1900, 1, 1)),
    send_at=st.none() | st.just(datetime(2026, 11, 20, 9, tzinfo=UTC)),
    intro=BLOCKS,
    tags=st.lists(TEXT, max_size=2).map(tuple),
    declared=st.builds(Declared, stories=st.none() | st.integers(0, 99)),
    extra=st.lists(st.tuples(TEXT, TEXT), unique_by=lambda pair: pair[0], max_size=2).map(tuple),
    sections=st.lists(
        st.builds(
            Section,
            title=st.none() | TEXT,
            intro=BLOCKS,
            stories=st.lists(STORY, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    provenance=st.none()
    | st.just(
        Provenance(
            file="a.md",
            format="markdown",
            sha256="0" * 64,
            words=3,
            lines=2,
            spans=(("/title", Span(1, 1, 1, 4)),),
            nav=(2,),
        )
    ),
)


@given(issue=ISSUE)
def test_an_issue_survives_the_journey_through_json(issue: Issue) -> None:
    """Nothing is lost or changed on the way through text, the provenance included."""
    back = from_json(json.loads(json.dumps(to_json(issue))))

    assert back == issue
    assert back.provenance == issue.provenance
