"""The lab itself: what its rooms work with, made once and given to all of them."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.lab.settings import LabSettings


@dataclass(frozen=True)
class Lab:
    """What every room of the lab gets.

    Attributes:
        settings: What it was started with.

    """

    settings: LabSettings
