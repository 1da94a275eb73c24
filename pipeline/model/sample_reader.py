"""Readers of our own invention: who looks at a mail before anybody gets it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field


class SampleReader(Struct, frozen=True, kw_only=True):
    """Somebody for whom slots are filled in previews and checks; nobody is ever mailed."""

    key: str  # for addresses and the command line
    about: str  # what is special about them
    address: str
    name: str = ""
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


SAMPLE_READERS: Final = (
    SampleReader(
        key="usual",
        about="a name and a field or two",
        address="ada.marsh@example.org",
        name="Ada Marsh",
        fields=MappingProxyType({"city": "Ghent", "company": "Quay & Sons"}),
    ),
    SampleReader(key="unknown", about="nothing but an address", address="reader@example.org"),
    SampleReader(
        key="long",
        about="a name longer than any line",
        address="a.very.long.local.part.of.an.address.that.goes.on@long-domain.example.org",
        name="Wilhelmina Charlotte Anastasia von und zu Hohenfels-Breitenbrunn-Oberammerwald",
        fields=MappingProxyType(
            {"city": "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"}
        ),
    ),
    SampleReader(
        key="rtl",
        about="a name written from right to left",
        address="layla@example.org",
        name="ليلى بنت يوسف",
        fields=MappingProxyType({"city": "حيفا"}),
    ),
    SampleReader(
        key="markup",
        about="a name that looks like markup",
        address="o.brien@example.org",
        name='Sean "O\'Brien" <b>&amp;</b> {{ name }}',
    ),
)
