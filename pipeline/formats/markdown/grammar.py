"""CommonMark with tables and strikethrough, without HTML, and with comments that stay private."""

from __future__ import annotations

import re
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, reference
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.tree import SyntaxTreeNode

DEEPEST: Final = 50  # levels of blocks; a list counts two, a quote one
LONGEST: Final = 32_768  # characters of one paragraph: 5,000 words, and a bound on parsing time

# Deep enough that nothing the check lets pass was cut off by the parser.
_PARSER_NESTING: Final = 2 * DEEPEST
# Looser than CommonMark in its attributes, so that it needs no backtracking.
_TAG: Final = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?:\s[^<>]*)?/?>")


class Unreadable(Exception):
    """The text is Markdown, and none that can be published."""

    def __init__(self, code: str, problem: str, remedy: str, *, line: int) -> None:
        self.code, self.problem, self.remedy = code, problem, remedy
        self.line = line  # 0-based
        super().__init__(f"{code} {problem}")


class _AuthorMarkdown(MarkdownIt):
    """Keeps URLs as their author wrote them; the reader judges them."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the parser's name
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 - the parser's name
        return link

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - the parser's port
        return True


def _parser() -> MarkdownIt:
    md = _AuthorMarkdown("commonmark", {"html": False, "maxNesting": _PARSER_NESTING})
    md.enable(["table", "strikethrough"])
    # Unjoined, an escaped colon remains distinct from a colon: `**Note\:**` is no label.
    md.disable("text_join")
    md.block.ruler.at("reference", _reference)
    md.block.ruler.before(
        "paragraph", "comment", _comment, {"alt": ["paragraph", "reference", "blockquote"]}
    )
    md.inline.ruler.before("autolink", "comment", _inline_comment)
    md.inline.ruler.after("autolink", "tag", _tag)
    md.core.ruler.after("block", "limits", _limit_blocks)
    md.core.ruler.after("inline", "inline_limits", _limit_inlines)
    return md


def parse(text: str) -> tuple[SyntaxTreeNode, list[tuple[int, int]]]:
    """Return the tree of a text, and the lines of its link definitions (0-based, end-exclusive).

    Raises:
        Unreadable: says where, and what to do.
        RecursionError: nested as no author nests.
    """
    env: dict[str, Any] = {}
    tree = SyntaxTreeNode(_MARKDOWN.parse(text, env))
    used = env.get("references", {}).values()
    definitions = [tuple(entry["map"]) for entry in (*used, *env.get("duplicate_refs", ()))]
    return tree, definitions


def _reference(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Leave footnotes alone: as link definitions they would vanish with their text."""
    if state.src.startswith("[^", state.bMarks[start] + state.tShift[start]):
        return False
    return reference(state, start, end, silent)


def _comment(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Take a block `<!-- ... -->` that has its lines to itself."""
    position = state.bMarks[start] + state.tShift[start]
    if state.is_code_block(start) or not state.src.startswith("<!--", position):
        return False
    for line in range(start, end):
        if line > start and state.sCount[line] < state.blkIndent and not state.isEmpty(line):
            break  # the list item around it ends here
        first = position + 4 if line == start else state.bMarks[line]
        text = state.src[first : state.eMarks[line]]
        closed = text.find("-->")
        if closed < 0:
            continue
        if text[closed + 3 :].strip():
            return False  # text follows: an inline comment at the start of a paragraph
        if not silent:
            state.line = line + 1
            state.push("comment", "", 0).map = [start, line + 1]
        return True
    if silent:
        return False
    raise Unreadable(
        "E013", "a comment is opened and never closed", "close it with -->", line=start
    )


def _inline_comment(state: StateInline, silent: bool) -> bool:
    """Drop `<!-- ... -->` inside a paragraph."""
    if not state.src.startswith("<!--", state.pos):
        return False
    closed = state.src.find("-->", state.pos + 4, state.posMax)
    if closed < 0 and not silent:
        state.push("open_comment", "", 0)
    state.pos = closed + 3 if closed >= 0 else state.pos + 4
    return True


def _tag(state: StateInline, silent: bool) -> bool:
    """Keep an HTML tag as text, whole: its attributes are no Markdown."""
    if state.src[state.pos] != "<":
        return False
    found = _TAG.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if not silent:
        state.push("tag", "", 0).content = found.group()
    state.pos = found.end()
    return True


def _limit_blocks(state: StateCore) -> None:
    """Stop before a text is parsed that would take minutes, or be cut off in silence."""
    for token in state.tokens:
        line = token.map[0] if token.map else 0
        if token.level > DEEPEST:
            raise Unreadable(
                "E011",
                "lists or quotes are nested too deeply",
                "no mail program shows more than a few levels",
                line=line,
            )
        if token.type == "inline" and len(token.content) > LONGEST:
            raise Unreadable(
                "E012",
                "a paragraph is too long",
                "break it up with blank lines, and link pictures instead of pasting them in",
                line=line,
            )


def _limit_inlines(state: StateCore) -> None:
    for token in state.tokens:
        if any(child.level > DEEPEST for child in token.children or ()):
            raise Unreadable(
                "E011",
                "emphasis is nested too deeply",
                "escape asterisks and underscores that are meant to be read",
                line=token.map[0] if token.map else 0,
            )


_MARKDOWN: Final = _parser()
