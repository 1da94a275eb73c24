"""The reference pages say what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

REFERENCE = runpy.run_path(str(Path(__file__).with_name("reference.py")))


@pytest.mark.parametrize("name", sorted(REFERENCE["PAGES"]))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """`make docs` was run after the last change."""
    page = (REFERENCE["DOCS"] / name).read_text(encoding="utf-8")

    assert page == REFERENCE["PAGES"][name]()
