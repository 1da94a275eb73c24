"""docs/doctor.md says what the rules say."""

from __future__ import annotations

import runpy
from pathlib import Path

WRITER = runpy.run_path(str(Path(__file__).with_name("doctor_page.py")))


def test_the_page_of_the_doctor_is_up_to_date() -> None:
    """It was written after the last change of a rule."""
    assert WRITER["PAGE"].read_text(encoding="utf-8") == WRITER["page"]()
