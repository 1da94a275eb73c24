"""What became of one issue to one person, as the rules for suppression look at it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from pipeline.model.dispatch import DispatchId
from pipeline.model.feedback import FeedbackKind


class IssueFate(Struct, frozen=True, kw_only=True):
    """An issue that was accepted for a person, and the gravest thing that came back of it."""

    dispatch: DispatchId | None  # None: came back of nobody knows which
    at: datetime  # aware, UTC: when that came back, else when it was accepted
    kind: FeedbackKind | None  # only what was counted; None: nothing came back
