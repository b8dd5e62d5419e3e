"""Ranges of versions, such as ^1.2 || >=3.0.0-beta <3.1."""

from versions import compare, parse_version


class InvalidRange(ValueError):
    """A text that is no range."""


def describe(text):
    """Return the alternatives of a range, each a list of plain comparators as text."""
    raise NotImplementedError


def satisfies(version, text):
    """Return whether a version (text) is within a range (text)."""
    raise NotImplementedError


def best(versions, text):
    """Return the highest of some versions (texts) within a range, or None."""
    raise NotImplementedError
