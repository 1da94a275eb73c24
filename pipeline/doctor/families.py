"""All rules, in the order they are shown."""

from __future__ import annotations

from typing import Any, Final

from pipeline.doctor.configuration import CONFIGURATION
from pipeline.doctor.content import CONTENT
from pipeline.doctor.dns import DNS
from pipeline.doctor.lists import LISTS
from pipeline.doctor.message import MESSAGE
from pipeline.doctor.one_click import ONE_CLICK, REACH
from pipeline.doctor.rule import Family
from pipeline.doctor.signing import SIGNING
from pipeline.doctor.site import PAGES
from pipeline.doctor.store import DATABASE, FILES

FAMILIES: Final[tuple[Family[Any], ...]] = (
    *(CONFIGURATION, MESSAGE, LISTS, CONTENT, SIGNING),
    *(FILES, DATABASE),
    *(REACH, ONE_CLICK, PAGES),
    DNS,
)
