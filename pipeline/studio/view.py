"""What one wants to see, as the query of an address: every toggle is a link."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from msgspec import Struct
from msgspec.structs import fields, replace

from pipeline.model.sample_reader import SAMPLE_READERS, SampleReader

OWN: Final = "own"  # the reader one types
_LONGEST: Final = 320  # characters of what one types


class Tab(StrEnum):
    """A way to look at a message."""

    MAIL = "mail"
    TEXT = "text"
    FINDINGS = "findings"
    SOURCE = "source"
    HTML = "html"
    HEADERS = "headers"
    PARTS = "parts"
    RAW = "raw"
    SIZE = "size"
    COMPARE = "compare"
    ARCHIVE = "archive"
    TEST = "test"


class Width(StrEnum):
    """How wide the mail is shown; the style sheet has the pixels."""

    DESKTOP = "desktop"
    TABLET = "tablet"
    PHONE = "phone"


class Scheme(StrEnum):
    """Light, dark as the mail says, or dark as programs make it that do not ask the mail."""

    LIGHT = "light"
    DARK = "dark"
    FORCED = "forced"


class Pictures(StrEnum):
    """Which pictures are loaded."""

    OWN = "own"  # those of the message and of this newsletter
    REMOTE = "remote"  # those elsewhere, too
    OFF = "off"


class Layout(StrEnum):
    """How a comparison is shown."""

    UNIFIED = "unified"
    SIDE = "side"


class Compared(StrEnum):
    """What is compared."""

    TEXT = "text"
    HTML = "html"


class View(Struct, frozen=True, kw_only=True):
    """One combination of the toggles; what an address does not say is as here."""

    tab: Tab = Tab.MAIL
    width: Width = Width.DESKTOP
    scheme: Scheme = Scheme.LIGHT
    pictures: Pictures = Pictures.OWN
    reader: str = SAMPLE_READERS[0].key
    name: str = ""  # of the reader one types
    address: str = ""
    fields: str = ""  # "city=Ghent, company=Quay"
    part: Compared = Compared.TEXT
    layout: Layout = Layout.UNIFIED
    against: str = ""  # an entry to compare with; empty: the one of this issue

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read a query; what is no choice is left as it is by itself."""
        found: dict[str, Any] = {}
        for field in fields(cls):
            said = query.get(field.name, "")[:_LONGEST]
            choices = type(field.default)
            if issubclass(choices, StrEnum):
                if said in set(choices):
                    found[field.name] = choices(said)
            elif said:
                found[field.name] = " ".join(said.split())
        return cls(**found)

    def query(self, **changes: Any) -> str:
        """Return "?tab=text" and so on: what differs from a view of nobody's choice."""
        view = replace(self, **changes)
        said = {
            field.name: getattr(view, field.name)
            for field in fields(view)
            if getattr(view, field.name) != field.default
        }
        return f"?{urlencode(said)}" if said else "?"

    def framed(self) -> Self:
        """Return what the mail in the frame depends on; around it, the rest only styles the frame."""
        return type(self)(
            pictures=self.pictures,
            reader=self.reader,
            name=self.name,
            address=self.address,
            fields=self.fields,
        )

    def hidden(self, *without: str) -> dict[str, str]:
        """Return what a form must carry so that the rest of the view stays."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in without and getattr(self, field.name) != field.default
        }

    @property
    def who(self) -> SampleReader:
        """The reader the message is for."""
        if self.reader == OWN:
            return SampleReader(
                key=OWN,
                about="typed here",
                address=self.address or "reader@example.org",
                name=self.name,
                fields=_fields(self.fields),
            )
        known = {each.key: each for each in SAMPLE_READERS}
        return known.get(self.reader, SAMPLE_READERS[0])


def place(*parts: str) -> str:
    """Return a path, each part quoted; a last part that is empty makes it a folder."""
    return "/" + "/".join(quote(each, safe="") for each in parts)


def _fields(said: str) -> dict[str, str]:
    pairs = (each.partition("=") for each in said.split(","))
    return {key.strip(): value.strip() for key, equals, value in pairs if equals and key.strip()}
