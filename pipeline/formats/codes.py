"""Every code a reader of issue files may give, with one sentence for docs/diagnostics.md.

The first letter is the severity: E stops the reading, W is a warning, I is a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "E001": "The bytes are no text in UTF-8, UTF-16 with a byte order mark, or Windows-1252.",
        "E002": "No format, or more than one, fits the text well enough to go on without asking.",
        "E003": "The file holds nothing but blanks.",
        "E004": "The file is larger than one mebibyte.",
        "E005": "The file holds a control character that no text has: it may be binary.",
        "E006": "A bidirectional override makes text read otherwise than it is stored.",
        "E007": "No line opens a story, so the labelled layout finds nothing to read.",
        "E010": "The text holds a marker that stands for a value of each reader.",
        "E011": "Lists and quotes are nested more deeply than any mail can show.",
        "E012": "A paragraph is longer than any reader would read.",
        "E013": "A comment is opened and never closed, so a note to self would be published.",
        "E101": "The front matter is not the YAML mapping it should be.",
        "E102": "The issue has no title, and the file name gives none.",
        "E103": "A value has the wrong type, or a date is impossible.",
        "E104": "A key stands in the front matter twice.",
        "W008": "The bytes are not UTF-8 and were read as Windows-1252.",
        "W009": "Invisible characters that break parsers were replaced or removed.",
        "W102": "The title was made from the file name.",
        "W105": "A date can be read as day-month or as month-day and was left out.",
        "W106": "The dates in the file and in its name are more than a day apart.",
        "W107": "The front matter has a key that Broadsheet does not know; it is kept, not used.",
        "I108": "A placeholder such as TODO was left in the text.",
        "W109": "A value begins with a number sign, which YAML takes for a comment.",
        "I110": "A number or a date was taken from the title or the file name.",
        "W201": "The declared number of stories is not the number found.",
        "W202": "The declared reading time is far from what the words take.",
        "W203": "A field of the masthead is empty: the date was lost on the way.",
        "W204": "A story has no title.",
        "I205": "Stories have no link to where they come from.",
        "W206": "A label is unknown; its text is kept under the label as it stands.",
        "W207": "Text after the list of a label was joined to the body.",
        "W208": "Lines belong to no part of the issue.",
        "W209": "A section has no story, or two stories share a title or a source.",
        "W210": "A list under a label is nested or long-winded and is kept in the body as it is.",
        "I211": "Nothing says whether second-level headings are sections or stories.",
        "I212": "A first-level heading that is not the title was read as a section.",
        "W301": "A picture has no words for readers who do not see it.",
        "W302": "A link has no words to click on.",
        "I303": "Markup or a link in a heading, or the title of a link, is not kept.",
        "W306": "HTML is not a part of issues; the tags are published as they are written.",
        "W308": "A link with an unsafe scheme was taken off its words.",
        "W310": "A sponsored story has no link.",
    }
)
