"""One story of the labelled layout, read line by line."""

from __future__ import annotations

from pipeline.formats.claims import Claims
from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.drafts import StoryDraft
from pipeline.formats.text_lines import BulletLine, LabelLine, Line, TextLine
from pipeline.formats.words import Label
from pipeline.model.content import Block, Content, Labelled, ListBlock, Paragraph
from pipeline.model.issue import Source


class LabelledStory:
    """Puts the lines of a story where the label above them says."""

    def __init__(self, draft: StoryDraft, claims: Claims, diagnosis: Diagnosis) -> None:
        self._draft = draft
        self._claims = claims
        self._diagnosis = diagnosis
        self._label = Label.SUMMARY  # what the lines below belong to
        self._listed = False  # a bullet was seen since the label
        self._bullets: list[BulletLine] = []  # a list of the body that may go on
        self._kept: tuple[str, list[Block]] | None = None  # a label without a field, its blocks

    def add(self, line: Line) -> None:
        """Take the next line."""
        match line:
            case LabelLine():
                self._add_label(line)
            case BulletLine():
                self._add_bullet(line)
            case TextLine(number, text):
                self._add_text(number, text)

    def close(self) -> None:
        """End the story."""
        self._end_list()
        self._end_kept()

    def _add_label(self, line: LabelLine) -> None:
        self.close()
        self._label, self._listed = line.label, False
        part = {
            Label.SUMMARY: "body",
            Label.KEPT: f"body/{len(self._draft.body)}",
        }.get(line.label, line.label.value)
        if line.label is Label.KEPT:
            self._kept = (line.name, [])
        if line.rest:
            self._add_text(line.number, line.rest, whole=part)
        else:
            self._claims.label(f"{self._draft.pointer}/{part}", line.number)

    def _add_text(self, number: int, text: str, *, whole: str | None = None) -> None:
        """Take a text; `whole` is the part it is all of, when a label opens its line."""
        self._end_list()
        draft, content = self._draft, (text,)
        match self._label:
            case Label.TLDR if draft.tldr is None:
                draft.tldr = content
                self._claims.label(f"{draft.pointer}/{whole or 'tldr/0'}", number)
                self._label = Label.SUMMARY
            case Label.SOURCE if draft.source is None:
                draft.source = Source(anchor=text)
                self._claims.label(f"{draft.pointer}/{whole or 'source/anchor'}", number)
                self._label = Label.SUMMARY
            case Label.TAKEAWAYS | Label.TRADEOFFS if not self._listed:
                self._add_item(number, content)
            case Label.TAKEAWAYS | Label.TRADEOFFS:
                self._diagnosis.add(
                    "W207",
                    "text after a list is joined to the body",
                    line=number,
                    note="it may be a source line, or a title whose TLDR is missing",
                )
                self._label = Label.SUMMARY
                self._add_block(number, Paragraph(content))
            case _:
                self._add_block(number, Paragraph(content), whole=whole)

    def _add_bullet(self, line: BulletLine) -> None:
        if self._label in {Label.TAKEAWAYS, Label.TRADEOFFS}:
            self._listed = True
            self._add_item(line.number, (line.text,))
            return
        if self._bullets and (line.ordinal is None) != (self._bullets[-1].ordinal is None):
            self._end_list()
        self._bullets.append(line)

    def _add_item(self, number: int, content: Content) -> None:
        draft = self._draft
        items = draft.takeaways if self._label is Label.TAKEAWAYS else draft.tradeoffs
        self._claims.claim(f"{draft.pointer}/{self._label}/{len(items)}", number)
        items.append(content)

    def _add_block(
        self, first: int, block: Block, *, last: int | None = None, whole: str | None = None
    ) -> None:
        """Put a block into the body, or under the label that is being kept."""
        body = self._draft.body
        pointer = f"{self._draft.pointer}/body/{len(body)}"
        if self._kept:
            blocks = self._kept[1]
            if whole is None:
                pointer = f"{pointer}/blocks/{len(blocks)}"
            blocks.append(block)
        else:
            body.append(block)
        self._claims.claim(pointer, first, last)

    def _end_list(self) -> None:
        """Turn the bullets gathered for the body into one block."""
        if not self._bullets:
            return
        bullets, self._bullets = self._bullets, []
        start = bullets[0].ordinal
        block = ListBlock(
            tuple((Paragraph((line.text,)),) for line in bullets),
            ordered=start is not None,
            start=1 if start is None else start,
        )
        self._add_block(bullets[0].number, block, last=bullets[-1].number)

    def _end_kept(self) -> None:
        """Put a label without a field of its own, and all that stands under it, into the body."""
        if self._kept:
            name, blocks = self._kept
            self._draft.body.append(Labelled(name, tuple(blocks)))
            self._kept = None
