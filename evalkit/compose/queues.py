"""The queues of launchers, opened again by another process than the one that has filled them.

A launcher whose jobs run elsewhere notes them (``CurrentLaunch.note_queued``) and has a row in :data:`QUEUES`, under
its own name. Whoever comes later, ``evalkit resume`` or ``evalkit report``, perhaps on another machine, finds its queue
by that.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hydra.core.plugins import Plugins

from evalkit.runner.job_wait import AskedAside
from evalkit.runner.job_watch import Queue, QueueState
from evalkit.store.running_jobs import QueuedJobs, RunningJobs

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueueKind:
    """How one launcher's queue is asked and told.

    Attributes:
        opens: ``module:function`` that takes the sweep's root and what its queue was given (:class:`QueuedJobs`) and
            returns a :class:`Queue`, or None where it cannot be asked on this machine. Loaded when it is used.
        stop: The command that stops jobs in it, for a person, with ``{ids}`` in the place of their names.

    """

    opens: str
    stop: str = ""


QUEUES: dict[str, QueueKind] = {
    "ray": QueueKind("evalkit.compose.ray_cluster.queue:reopen", "python -m evalkit.compose.ray_cluster.stop {ids}"),
    "submitit_slurm": QueueKind("evalkit.compose.slurm_queue:open_queue", stop="scancel {ids}"),
}


class UnreachableQueue:
    """The queue that cannot be asked from here: it never answers, so that none of its jobs is taken for lost."""

    def ask(self, _: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Answer nothing."""
        return None


def open_queue(root: Path) -> Queue | None:
    """Return the queue that the jobs of the sweep in `root` were given to; None when they were given to none."""
    queued = RunningJobs(root).find_queued()
    return None if queued is None else AskedAside(_open(root, queued) or UnreachableQueue())


def find_stop_command(queue_name: str | None) -> str:
    """Return the command that stops jobs in a queue, ``{ids}`` in the place of their names; empty: none is known."""
    kind = QUEUES.get(queue_name or "")
    return kind.stop if kind else ""


def _open(root: Path, queued: QueuedJobs) -> Queue | None:
    if queued.queue not in QUEUES:
        Plugins.instance()  # which loads launchers of others, and their rows
    kind = QUEUES.get(queued.queue)
    if kind is None:
        return None
    module, _, function = kind.opens.partition(":")
    try:
        opened: Queue | None = getattr(importlib.import_module(module), function)(root, queued)
    except Exception:  # noqa: BLE001  what it needs is not installed here, or its cluster is out of reach
        _log.debug("the queue of %s cannot be opened here", queued.queue, exc_info=True)
        return None
    return opened
