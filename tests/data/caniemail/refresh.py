"""Writes pipeline/preflight/clients/support.json anew from the data of caniemail.com.

    python tests/data/caniemail/refresh.py

The data comes in the npm package `caniemail`, fetched by `npm pack` into a temporary folder, so
npm is needed. Of some 300 features and 48 mail programs the file keeps what preflight can see,
and the programs in CLIENTS, each with its latest test.
"""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

from pipeline.preflight.clients.usage import FEATURES

PACKAGE: Final = "caniemail@2.0.2"
TARGET: Final = Path(__file__).parents[3] / "pipeline/preflight/clients/support.json"

# Our key: the family and platform of caniemail, and the name in findings.
CLIENTS: Final = {
    "gmail": ("gmail", "desktop-webmail", "Gmail"),
    "gmail-app": ("gmail", "android", "Gmail for Android"),
    "outlook-windows": ("outlook", "windows", "Outlook for Windows"),
    "outlook-com": ("outlook", "outlook-com", "Outlook.com"),
    "apple-mail": ("apple-mail", "macos", "Apple Mail"),
    "ios": ("apple-mail", "ios", "iOS Mail"),
    "yahoo": ("yahoo", "desktop-webmail", "Yahoo Mail"),
    "thunderbird": ("thunderbird", "macos", "Thunderbird"),
}


def reduced(data: dict[str, Any], licence: str) -> dict[str, Any]:
    """Return what support.json says, from the data and the licence of the package."""
    features = {each["slug"]: each for each in data["data"]}
    return {
        "source": f"npm {PACKAGE}, https://www.caniemail.com/api/",
        "date": data["last_update_date"][:10],
        "licence": licence.split("\n"),
        "clients": {key: name for key, (_, _, name) in CLIENTS.items()},
        "features": {slug: _feature(features[slug]) for slug in sorted(set(FEATURES.values()))},
    }


def _feature(feature: dict[str, Any]) -> dict[str, Any]:
    """Keep the title and, for each program that is not simply able, what happens there."""
    support: dict[str, str] = {}
    for key, (family, platform, _) in CLIENTS.items():
        versions = feature["stats"].get(family, {}).get(platform, {})
        verdict, *numbers = (list(versions.values()) or ["u"])[-1].split()
        if verdict not in {"y", "u"}:
            notes = feature["notes_by_num"] or {}
            said = " ".join(_plain(notes[number[1:]]) for number in numbers if number[1:] in notes)
            support[key] = f"{verdict} {said}".strip()
    return {"title": feature["title"], "support": support}


def _plain(note: str) -> str:
    """Return the first sentence of a note, without links and without its opening word."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", note)
    text = re.sub(r"^(Partial support|Partial|Buggy|Not supported)\.?\s+(?=[A-Z`])", "", text)
    return re.split(r"(?<=[.!])\s+(?=[A-Z])", text.strip())[0]


def _read(files: tarfile.TarFile, name: str) -> str:
    member = files.extractfile(f"package/{name}")
    assert member is not None
    return member.read().decode("utf-8")


def main() -> None:
    """Fetch the package, reduce it, write the file."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", PACKAGE], cwd=folder, check=True, capture_output=True)
        archive = next(Path(folder).glob("*.tgz"))
        with tarfile.open(archive) as files:
            data, licence = (_read(files, name) for name in ("data/caniemail.json", "LICENSE"))
    text = json.dumps(reduced(json.loads(data), licence.strip()), indent=1, ensure_ascii=False)
    TARGET.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
