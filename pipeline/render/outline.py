"""Where everything stands in the mail: numbers, anchors, heading levels, lead sentences."""

from __future__ import annotations

from msgspec import Struct

from pipeline.model.content import Block, Content, Paragraph, plain
from pipeline.model.issue import Issue, Section, Story, StoryKind
from pipeline.model.reading import first_paragraph, split_lead
from pipeline.render.lead import split_content


class PlacedStory(Struct, frozen=True, kw_only=True):
    """A story and its place."""

    story: Story
    anchor: str  # unique in the mail
    number: int | None  # counts the titled stories that are not paid for
    level: int  # of its heading: 2 or 3
    lead: Content  # what a story without a title is known by; empty if there is no good cut
    rest: Content  # the first paragraph after the lead
    body: tuple[Block, ...]  # after both

    @property
    def brief(self) -> Content:
        """The one paragraph of a titled story that has nothing else to say; empty if it has."""
        story = self.story
        if not story.title or story.tldr or story.takeaways or story.tradeoffs:
            return ()
        match story.body:
            case (Paragraph(content),):
                return content
            case _:
                return ()

    @property
    def box_level(self) -> int:
        """The heading level of the boxes in it: no level is skipped if it has no title."""
        return self.level + 1 if self.story.title else self.level


class PlacedSection(Struct, frozen=True, kw_only=True):
    """A section and its place."""

    section: Section
    anchor: str
    stories: tuple[PlacedStory, ...]

    @property
    def listed(self) -> tuple[PlacedStory, ...]:
        """The stories a table of contents can name."""
        return tuple(placed for placed in self.stories if placed.number)


def outline(issue: Issue) -> tuple[PlacedSection, ...]:
    """Give every section and story its place; pure."""
    placed: list[PlacedSection] = []
    position = number = 0
    for ordinal, section in enumerate(issue.sections, start=1):
        level = 3 if section.title else 2
        stories: list[PlacedStory] = []
        for story in section.stories:
            position += 1
            counts = story.title is not None and story.kind is not StoryKind.SPONSOR
            number += counts
            stories.append(_place(story, position, number if counts else None, level))
        placed.append(
            PlacedSection(section=section, anchor=f"part-{ordinal}", stories=tuple(stories))
        )
    return tuple(placed)


def has_contents(sections: tuple[PlacedSection, ...]) -> bool:
    """Say whether a table of contents helps: there are two places to go to, or more."""
    titled = sum(1 for placed in sections if placed.section.title)
    return titled + sum(len(placed.listed) for placed in sections) >= 2


def _place(story: Story, position: int, number: int | None, level: int) -> PlacedStory:
    lead, rest, body = _opening(story)
    return PlacedStory(
        story=story,
        anchor=f"story-{position}",
        number=number,
        level=level,
        lead=lead,
        rest=rest,
        body=body,
    )


def _opening(story: Story) -> tuple[Content, Content, tuple[Block, ...]]:
    """Split the first paragraph of a story that has neither a title nor a summary."""
    content = None if story.title or story.tldr else first_paragraph(story)
    if content is None:
        return (), (), story.body
    text = plain(content)
    words, _ = split_lead(text)
    start = len(text) - len(text.lstrip())
    lead, rest = split_content(content, start + len(words.strip()))
    alone = not plain(rest).strip() and len(story.body) == 1
    # A story that is one short sentence has nothing to stand out from.
    if not words or alone:
        return (), (), story.body
    return lead, rest, story.body[1:]
