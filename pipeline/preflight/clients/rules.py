"""Features that some mail programs lack: what a layout rests on, and what is only looks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic
from pipeline.preflight.clients.usage import FEATURES, usages
from pipeline.preflight.finding import note, warning
from pipeline.preflight.mail import Mail

_FILE: Final = Path(__file__).with_name("support.json")
_LONGEST: Final = 60  # characters of what happens in a program

# Where one of these is missing, parts of the mail move or vanish; the rest is looks.
LAYOUT: Final = frozenset(
    {
        *("css-display-flex", "css-display-grid", "css-position", "css-column-count"),
        *("html-audio", "html-base", "html-image-maps", "html-picture", "html-svg", "html-video"),
        *("image-avif", "image-bmp", "image-svg"),
    }
)


class Support(Struct, frozen=True):
    """What caniemail.com says of the features we look for."""

    date: str  # of the data, ISO
    clients: Mapping[str, str]  # key: name
    titles: Mapping[str, str]  # feature: title
    lacking: Mapping[str, Mapping[str, str]]  # feature: client: "n", or "a" and what happens


@lru_cache(maxsize=1)
def support() -> Support:
    """Return the data, read once; tests/data/caniemail/refresh.py writes it anew."""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    features = data["features"]
    return Support(
        date=data["date"],
        clients=MappingProxyType(data["clients"]),
        titles=MappingProxyType({name: each["title"] for name, each in features.items()}),
        lacking=MappingProxyType({name: each["support"] for name, each in features.items()}),
    )


def layout(mail: Mail) -> Iterator[Diagnostic]:
    """P903: each feature once."""
    known = support()
    for feature in _features(mail):
        missing = [
            known.clients[key]
            for key, said in known.lacking[feature].items()
            if said.startswith("n")
        ]
        if feature in LAYOUT and missing:
            yield warning(
                "P903",
                f"the layout rests on {known.titles[feature]}, which {', '.join(missing)} lacks",
                help_="lay it out with a table, which all programs have",
            )


def looks(mail: Mail) -> Iterator[Diagnostic]:
    """P904: all in one finding, by program; a mail without any of them would look poor."""
    known = support().lacking
    features = tuple(each for each in _features(mail) if each not in LAYOUT and known[each])
    if features:
        yield replace(
            note(
                "P904",
                f"features of the look that some mail programs lack: {len(features)}",
                help_="see that the mail reads well without them: broadsheet preview",
            ),
            note=_by_client(features),
        )


def _features(mail: Mail) -> list[str]:
    return sorted({FEATURES[each] for each in usages(mail.sorted.kinds, mail.sheets)})


@lru_cache(maxsize=64)
def _by_client(features: tuple[str, ...]) -> str:
    known = support()
    return ". ".join(filter(None, (_said_of(key, features, known) for key in known.clients)))


def _said_of(client: str, features: Iterable[str], known: Support) -> str:
    """Name what a program lacks, then what it has in part and what happens there."""
    missing: list[str] = []
    partly: list[str] = []
    for feature in features:
        said = known.lacking[feature].get(client, "")
        if said.startswith("n"):
            missing.append(known.titles[feature])
        elif said:
            partly.append(_partly(known.titles[feature], said))
    parts = [f"not {', '.join(missing)}"] if missing else []
    parts += [f"in part {', '.join(partly)}"] if partly else []
    return f"{known.clients[client]}: {'; '.join(parts)}" if parts else ""


def _partly(title: str, said: str) -> str:
    what = " ".join(said[1:].replace("`", "").split()).rstrip(".")
    if len(what) > _LONGEST:
        what = f"{what[:_LONGEST].rpartition(' ')[0]} …"
    return f"{title} ({what})" if what else title
