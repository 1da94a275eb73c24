"""What is wrong with one picture, before anybody knows where the issue names it."""

from __future__ import annotations

from pipeline.images.codes import CODES


class PictureFault(Exception):
    """A picture cannot be taken; `Collector` turns it into a diagnostic with its place."""

    def __init__(self, code: str, message: str, remedy: str, *, note: str | None = None) -> None:
        assert code in CODES, code
        self.code, self.message, self.remedy, self.note = code, message, remedy, note
        super().__init__(f"{code} {message}; {remedy}")
