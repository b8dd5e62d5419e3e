"""What is said between the command, the process that talks with Ray, and the keeper of a job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from evalkit.runner.job_watch import QueueState


@dataclass(frozen=True)
class KeptJob:
    """A job as its keeper gets it.

    Attributes:
        root: The sweep's root, on a file system that every node sees.
        number: Of the job.
        work: What the job's process runs, pickled; it holds no key.

    """

    root: str
    number: int
    work: bytes = field(repr=False)


class ClusterChoice(NamedTuple):
    """Which cluster to use, and what a job asks of it.

    Attributes:
        init: Arguments of ``ray.init``.
        options: Options of an actor: the resources that it holds, its runtime environment.

    """

    init: Mapping[str, Any]
    options: Mapping[str, Any]

    @property
    def address(self) -> str | None:
        """Of the cluster that runs already; None: one is to be started."""
        address = self.init.get("address") or os.environ.get("RAY_ADDRESS")
        return None if address in (None, "", "local") else str(address)


class ToldByRay(NamedTuple):
    """What Ray says of a job.

    Attributes:
        state: What has become of it.
        note: What went wrong, in one sentence without a full stop; empty: nothing that is known.
        is_node_lost: Whether it has gone because its node has.
        is_sure: Whether it is known why it has gone: that a node has died is known later than that its jobs have.
        has_job: Whether its keeper, where it is on a node, was given the job by whoever handed it over.

    """

    state: QueueState
    note: str = ""
    is_node_lost: bool = False
    is_sure: bool = True
    has_job: bool = True
