"""Markdown with front matter, or without, to an issue."""

from __future__ import annotations

import json

from markdown_it.tree import SyntaxTreeNode
from msgspec.structs import replace

from pipeline.formats.checks import check
from pipeline.formats.claims import Claims
from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.markdown.blocks import BlockReader
from pipeline.formats.markdown.fields import Fields, read_fields
from pipeline.formats.markdown.front_matter import split_front_matter
from pipeline.formats.markdown.grammar import Unreadable, parse
from pipeline.formats.markdown.outline import Outline, infer_structure
from pipeline.formats.markdown.tidy import tidy_line
from pipeline.formats.port import Options, Reading
from pipeline.formats.source import SourceText
from pipeline.formats.titles import date_for, number_for, title_from_file
from pipeline.model.content import plain
from pipeline.model.issue import Declared, Issue, Section
from pipeline.model.issue_json import to_json
from pipeline.model.reading import issue_text
from pipeline.model.rendered import MergeSlot


def read(source: SourceText, options: Options, *, name: str) -> Reading:
    """Read an issue as the format of that name; see `Format.read`."""
    diagnosis = Diagnosis(source.file, source.lines)
    claims = Claims(source)
    front = split_front_matter(source, claims, diagnosis)
    fields = read_fields(front.entries, options.date_order, claims, diagnosis)
    reader = BlockReader(diagnosis, front.body_line)
    titled = fields.title is not None
    outline = _read_body(source, fields, reader, claims, diagnosis)
    diagnosis.stop_on_errors()
    title = fields.title or title_from_file(source.file, diagnosis)
    # A title in the front matter was written on purpose; one in the text may be a masthead.
    number = fields.number if titled else number_for(fields.number, title, source.file, diagnosis)
    issue = Issue(
        title=title,
        sections=tuple(section.finished() for section in outline.sections) or (Section(),),
        number=number,
        date=date_for(fields.date, source.file, diagnosis),
        subtitle=fields.subtitle,
        language=fields.language,
        authors=fields.authors,
        tags=fields.tags,
        slug=fields.slug,
        image=fields.image,
        send_at=fields.send_at,
        canonical_url=fields.canonical_url,
        template=fields.template,
        status=fields.status,
        allow=fields.allow,
        intro=tuple(outline.intro),
        declared=Declared(stories=fields.stories, minutes=fields.minutes),
        extra=tuple(fields.extra),
    )
    _refuse_slots(issue, diagnosis)
    issue = replace(issue, provenance=claims.provenance(name))
    check(issue, diagnosis)
    return Reading(issue=issue, diagnostics=diagnosis.report())


def _read_body(
    source: SourceText, fields: Fields, reader: BlockReader, claims: Claims, diagnosis: Diagnosis
) -> Outline:
    """Return what stands under the front matter; the title is moved to its field."""
    body = "\n".join(source.lines[reader.first_line - 1 :]) + "\n"
    try:
        tree, definitions = parse(body)
        nodes = tree.children
        _take_title(nodes, fields, reader, claims)
        structure = fields.structure or infer_structure(nodes, diagnosis)
        outline = Outline(structure, reader, claims, diagnosis)
        for node in nodes:
            outline.add(node)
        outline.close()
    except Unreadable as error:
        raise diagnosis.fatal(
            error.code, error.problem, line=error.line + reader.first_line, remedy=error.remedy
        ) from error
    except RecursionError as error:
        raise diagnosis.fatal(
            "E011",
            "pictures or brackets are nested too deeply",
            remedy="escape brackets that are meant to be read",
        ) from error
    for first, end in definitions:
        claims.reference(first + reader.first_line, end + reader.first_line - 1)
    return outline


def _take_title(
    nodes: list[SyntaxTreeNode], fields: Fields, reader: BlockReader, claims: Claims
) -> None:
    """Take the first heading of level 1 out of the text if it is the title of the issue."""
    for node in nodes:
        if node.type == "heading" and node.tag == "h1":
            words = plain(tidy_line(reader.content(node)))
            if words and (fields.title is None or words == fields.title):
                pointer = "/title" if fields.title is None else "/title/0"
                claims.claim(pointer, *reader.lines(node))
                fields.title = words
                nodes.remove(node)
            return


def _refuse_slots(issue: Issue, diagnosis: Diagnosis) -> None:
    """Refuse a merge slot that escapes or markup had hidden from the first look at the text."""
    everything = json.dumps(to_json(issue), ensure_ascii=False)
    for slot in MergeSlot:
        if slot.value in everything or any(slot.value in text for text in issue_text(issue)):
            raise diagnosis.fatal(
                "E010",
                f"the text spells {slot.value}, which stands for a value of each reader",
                remedy="remove it",
            )
