"""What keeps a stored run from being replayed."""

from __future__ import annotations

from evalkit.errors import EvalkitError


class UnusableRun(EvalkitError):
    """The stored run lacks, or contradicts, what a replay needs; the message says what."""
