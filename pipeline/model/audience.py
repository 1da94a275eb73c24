"""Who an issue goes to: a list, or those of it that a rule picks."""

from __future__ import annotations

from typing import Final, Self

from msgspec import Struct

from pipeline.model.subscriber import MAIN_NAME

_DIVIDER: Final = ": "


class MailingList(Struct, frozen=True, kw_only=True):
    """A list as the settings describe it; what the database has of it is a number."""

    name: str = MAIN_NAME  # letters, digits and hyphens
    title: str = ""  # for readers; empty is the newsletter's name
    description: str = ""  # one line on the forms
    public: bool = True  # anybody may ask to be on it


class Audience(Struct, frozen=True, kw_only=True):
    """What a dispatch is bound to; its text is what the database and the status show."""

    list: str = MAIN_NAME
    rule: str = ""  # in the language of segments; empty is everybody on the list

    def __str__(self) -> str:
        return f"{self.list}{_DIVIDER}{self.rule}" if self.rule else self.list

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the audience with that text."""
        name, _, rule = text.partition(_DIVIDER)
        return cls(list=name, rule=rule)
