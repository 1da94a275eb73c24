"""Stories and sections while they are being read."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.model.content import Block, Content
from pipeline.model.issue import Section, Source, Story, StoryKind


@dataclass(slots=True)
class StoryDraft:
    """A story that still grows; `pointer` says where in issue.json it will stand."""

    pointer: str
    kind: StoryKind = StoryKind.STORY
    title: str | None = None
    tldr: Content | None = None
    body: list[Block] = field(default_factory=list)
    takeaways: list[Content] = field(default_factory=list)
    tradeoffs: list[Content] = field(default_factory=list)
    source: Source | None = None

    def finished(self) -> Story:
        """Return the story as a value."""
        return Story(
            kind=self.kind,
            title=self.title,
            tldr=self.tldr,
            body=tuple(self.body),
            takeaways=tuple(self.takeaways),
            tradeoffs=tuple(self.tradeoffs),
            source=self.source,
        )


@dataclass(slots=True)
class SectionDraft:
    """A section that still grows."""

    pointer: str
    title: str | None = None
    intro: list[Block] = field(default_factory=list)
    stories: list[StoryDraft] = field(default_factory=list)

    def open_story(self) -> StoryDraft:
        """Start the next story of the section."""
        story = StoryDraft(f"{self.pointer}/stories/{len(self.stories)}")
        self.stories.append(story)
        return story

    def finished(self) -> Section:
        """Return the section as a value."""
        return Section(
            title=self.title,
            intro=tuple(self.intro),
            stories=tuple(story.finished() for story in self.stories),
        )
