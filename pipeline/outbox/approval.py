"""What a person's word is worth: approved, or void since the entry was edited (decision D5)."""

from __future__ import annotations

from enum import StrEnum

from pipeline.model.entry import Approval, Entry


class ApprovalState(StrEnum):
    """How an entry stands; only APPROVED may be sent."""

    DRAFT = "draft"  # nobody approved it
    APPROVED = "approved"  # exactly these bytes
    VOID = "void"  # approved once, edited since


def approval_state(entry: Entry, approval: Approval | None) -> ApprovalState:
    """Return how an entry stands with the approval found beside it."""
    if approval is None:
        return ApprovalState.DRAFT
    return ApprovalState.APPROVED if approval.digest == entry.digest else ApprovalState.VOID
