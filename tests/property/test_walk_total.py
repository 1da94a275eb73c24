"""Whatever is in an issue file, the walk ends in a mail that reads back, or in a clear error."""

from __future__ import annotations

import email
import email.policy
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.app import App
from pipeline.errors import BroadsheetError
from pipeline.model.issue_json import from_json, to_json
from pipeline.settings import load

APP = App(settings=load(None, {}), root=Path("nowhere"), has_workspace=False)

# Characters that some step of the walk has reason to fear.
HOSTILE = st.sampled_from(
    [
        *"<>&\"'\\=?_*`[](){}#|~!.-:;%$\u00a0\u00ad\u200b\u200d\u2028\u0301\ufeff\u061c",
        *("{{ x }}", "{% raw %}", "<mj-raw>", "</mj-text>", "<!--", "-->", "]]>", "<![CDATA["),
        *("=?utf-8?q?=0ABcc=3A_x?=", "javascript:alert(1)", "data:text/html,x", "//host", "\x85"),
        *("https://example.org/a b?c=d&e=f#g", "mailto:?bcc=x@example.org", "[a](<b c>)", "\\"),
        *("![alt](https://example.org/p.png)", "👩‍🚀", "हिन्दी", "مرحبا", "\U0001f3f4", "ß", "\t"),
    ]
)
# Control characters are refused at the door, which other tests see to.
PROSE = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=6)
WORDS = st.lists(HOSTILE | PROSE, max_size=8).map("".join)
LINES = st.sampled_from(
    [
        *("## {}", "### {}", "#### {}", "- {}", "  - {}", "1. {}", "> {}", "**TL;DR:** {}"),
        *("**Key takeaways:**\n\n- {}", "**Trade-offs:** {}", "**Source:** [{}](https://e.org)"),
        *("### [{}](https://example.org/x)", "### Sponsor: {}", "    {}", "```\n{}\n```", "---"),
        *("| {} | b |\n|---|---|\n| c | d |", "**[{}](https://example.org)**", "<b>{}</b>", "{}"),
    ]
)
FILES = st.builds(
    lambda title, lines: (
        "---\ntitle: " + json.dumps(title) + "\n---\n\n" + "\n\n".join(lines) + "\n"
    ),
    title=WORDS,
    lines=st.lists(
        st.builds(lambda form, text: form.replace("{}", text), LINES, WORDS), max_size=9
    ),
)


@settings(max_examples=60)
@given(text=FILES)
def test_a_file_becomes_a_mail_or_a_clear_error(text: str) -> None:
    """No step raises anything but a deliberate error, and the message parses without defects."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "issue.md"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            examined = APP.examine()(file)
        except BroadsheetError:
            return

    message = email.message_from_bytes(examined.message, policy=email.policy.default)
    assert not message.defects
    assert message.get_content_type() == "multipart/alternative"
    assert "Bcc" not in message
    assert examined.rendered.html.isascii()
    assert max(len(line) for line in examined.message.split(b"\r\n")) <= 998
    assert from_json(json.loads(json.dumps(to_json(examined.issue)))) == examined.issue
