"""Semantic versions (semver.org, 2.0.0)."""

import re
from dataclasses import dataclass

NUMBER = r"(?:0|[1-9][0-9]*)"
IDENTIFIER = rf"(?:{NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
PRERELEASE = rf"{IDENTIFIER}(?:\.{IDENTIFIER})*"
BUILD = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
VERSION = re.compile(rf"({NUMBER})\.({NUMBER})\.({NUMBER})(?:-({PRERELEASE}))?(?:\+({BUILD}))?")


class InvalidVersion(ValueError):
    """A text that is no semantic version."""


@dataclass(frozen=True)
class Version:
    """A version; prerelease and build are tuples of identifiers as they were written."""

    major: int
    minor: int
    patch: int
    prerelease: tuple = ()
    build: tuple = ()

    @property
    def numbers(self):
        """Major, minor and patch."""
        return (self.major, self.minor, self.patch)

    def __str__(self):
        text = f"{self.major}.{self.minor}.{self.patch}"
        if self.prerelease:
            text += "-" + ".".join(self.prerelease)
        if self.build:
            text += "+" + ".".join(self.build)
        return text


def parse_version(text):
    """Return the version that a text names exactly; raises InvalidVersion."""
    match = VERSION.fullmatch(text)
    if not match:
        raise InvalidVersion(f"no semantic version: {text!r}")
    major, minor, patch, prerelease, build = match.groups()
    return Version(
        int(major),
        int(minor),
        int(patch),
        tuple(prerelease.split(".")) if prerelease else (),
        tuple(build.split(".")) if build else (),
    )


def compare(left, right):
    """Return -1, 0 or 1: the precedence of two versions (Version)."""
    raise NotImplementedError
