"""The lab itself: what its rooms work with, made once and given to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from evalkit.lab.guard.access import Access
from evalkit.lab.index.follower import Follower
from evalkit.lab.index.queries import Index
from evalkit.lab.launch.launches import Launches
from evalkit.lab.settings import LabSettings


class LabService(Protocol):
    """What works beside the requests, for as long as the lab is up."""

    def start(self) -> None:
        """Begin. May take a moment: it is called in a thread."""

    def stop(self) -> None:
        """End, within half a second, whatever is going on."""


@dataclass(frozen=True)
class Lab:
    """What every room of the lab gets.

    Attributes:
        settings: What it was started with.
        access: Who may come in; pages take `access.csrf` from it.
        index: What is known of all runs.
        follower: Keeps the index right; whoever has just changed a run lets it look at that (`look_at`).
        launches: The queue of what it launches.
        services: What is started before the first request, in this order, and stopped after the last, in reverse.

    """

    settings: LabSettings
    access: Access
    index: Index
    follower: Follower
    launches: Launches
    services: tuple[LabService, ...] = ()
