"""What comes back: bounces, complaints, replies, and what follows from them."""

from pipeline.feedback.read import read

__all__ = ["read"]
