"""Rates as people write them: "14/s", "600/min", "5000/h"."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

_RATE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(?: ?/ ?(s|min|h))?")
_SECONDS: Final[Mapping[str | None, int]] = {None: 1, "s": 1, "min": 60, "h": 3600}


def per_second(value: object) -> float:
    """Return a rate as units a second; a number alone is one already.

    Raises:
        ValueError: it is something else, or not above 0.
    """
    rate = 0.0
    if isinstance(value, str) and (match := _RATE.fullmatch(value)):
        rate = float(match[1]) / _SECONDS[match[2]]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        rate = float(value)
    if not (rate > 0 and math.isfinite(rate)):
        raise ValueError(f'expected a rate such as "14/s", "600/min" or "5000/h", not {value!r}')
    return rate
