"""Chooses a version of each package so that all requirements hold."""

from ranges import satisfies
from versions import parse_version


class Unresolvable(Exception):
    """There is no choice that meets all requirements."""


def resolve(requirements, index):
    """Return {name: version} for requirements {name: range} and an index {name: {version: {name: range}}}."""
    raise NotImplementedError
