"""Writes an issue in the canonical form: Markdown under YAML front matter.

The form is the fixed point of reading and writing: for every issue that a format can read,
`read(write_markdown(issue))` gives an equal issue. Order, quoting and escapes are always the same,
so a difference between two files is a difference between two issues.

An issue built by hand can say a little more than Markdown: content that is not in the normal form of
`markdown.tidy`, a list at the top of a section's introduction (it would be one of briefs), a heading
under a label. Such an issue is written with all its words, and read back in the nearest form.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.formats.markdown.writer_blocks import heading_text, item_text, write_blocks
from pipeline.formats.markdown.writer_brief import brief
from pipeline.formats.markdown.writer_front_matter import write_front_matter
from pipeline.formats.markdown.writer_story import write_heading, write_parts
from pipeline.model.issue import Issue, Section, Story


def write_markdown(issue: Issue) -> str:
    """Return an issue as canonical Markdown, ending in one line end. Pure."""
    flat = _is_flat(issue)
    parts = [write_front_matter(issue, _structure(issue, flat=flat))]
    if issue.intro:
        parts.append(write_blocks(issue.intro))
    for section in issue.sections:
        parts.extend(_flat_stories(section) if flat else _section(section))
    return "\n\n".join(parts) + "\n"


def _is_flat(issue: Issue) -> bool:
    """Say whether the stories can stand on the second level: one section, without a title."""
    match issue.sections:
        case (Section(title=None, intro=()),):
            return True
        case _:
            return False


def _structure(issue: Issue, *, flat: bool) -> str | None:
    """Return what the front matter has to say because the headings do not show it."""
    if flat:
        return "flat"
    briefs = [len(_leading_briefs(section.stories)) for section in issue.sections]
    headed = any(
        count < len(section.stories) for count, section in zip(briefs, issue.sections, strict=True)
    )
    opens_with_list = briefs[0] > 0 and not issue.sections[0].intro
    return None if headed or opens_with_list else "sections"


def _flat_stories(section: Section) -> Iterator[str]:
    for story in section.stories:
        yield write_heading("##", story)
        yield from write_parts(story)


def _section(section: Section) -> Iterator[str]:
    yield f"## {heading_text((section.title or '',))}".rstrip()
    if section.intro:
        yield write_blocks(section.intro)
    briefs = _leading_briefs(section.stories)
    if briefs:
        loose = any("\n\n" in text for text in briefs)
        yield ("\n\n" if loose else "\n").join(item_text("-", text) for text in briefs)
    for story in section.stories[len(briefs) :]:
        yield write_heading("###", story)
        yield from write_parts(story)


def _leading_briefs(stories: tuple[Story, ...]) -> list[str]:
    """Return the stories that are written as a list: all of a section, or the first ones.

    A list after a heading belongs to the story there. Stories that all have titles get headings.
    """
    if all(story.title for story in stories):
        return []
    texts: list[str] = []
    for story in stories:
        text = brief(story)
        if text is None:
            break
        texts.append(text)
    if len(texts) < len(stories):
        # Only the untitled run at the front: titles among headings should be headings.
        titled = next((i for i, story in enumerate(stories) if story.title), len(texts))
        return texts[: min(titled, len(texts))]
    return texts
