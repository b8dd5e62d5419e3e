"""Files of tests that wait more than they compute: those of a kind have a worker to themselves, beside all the others.

The first one has calls at the speed of speech. Such a call takes its time and hardly any CPU, so it is held while other
workers compute; and these give way to it, so that its sound is in time however busy they are. The second one has what
waits for machines: clusters that start, queues, jobs that die and are noticed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

SPEECH_FILES = (
    "tests/e2e/test_callers.py",
    "tests/e2e/test_tool_host.py",
    "tests/e2e/test_chat_brain.py",
    "tests/e2e/test_duplex.py",
    "tests/e2e/test_gemini_live.py",
    "tests/e2e/test_media_stream.py",
    "tests/e2e/test_turn_detection.py",
    "tests/e2e/test_lab_launch.py",
    "tests/browser/test_lab_journey.py",
    "tests/e2e/test_realism.py",
    "tests/modes/voice/test_turn_acts.py",
    "tests/modes/voice/test_spoken_turn.py",
    "tests/modes/voice/test_hosted_tools.py",
    "tests/modes/voice/test_duplex_dialogue.py",
    "tests/modes/voice/test_caller_truth.py",
    "tests/realtime/gemini_live/test_duplex.py",
    "tests/realtime/test_duplex.py",
    "tests/realtime/test_pacer.py",
    "tests/realtime/test_session.py",
    "tests/realtime/media_stream/test_session.py",
)
CLUSTER_FILES = (
    "tests/e2e/test_slurm.py",
    "tests/e2e/test_ray.py",
    "tests/e2e/test_rejoin.py",
    "tests/e2e/test_two_nodes.py",
    "tests/e2e/test_object_storage.py",
)
WAITING_FILES = {"gw0": SPEECH_FILES, "gw1": CLUSTER_FILES}
_SPEECH_WORKER = "gw0"
_NICENESS = 10


def give_way() -> None:
    """Let this process leave a core to calls at the speed of speech, unless it is the worker that holds them."""
    if os.environ.get("PYTEST_XDIST_WORKER", _SPEECH_WORKER) != _SPEECH_WORKER:
        os.nice(_NICENESS)


class WaitingBesideComputing(LoadFileScheduling):  # type: ignore[misc]
    """Gives files that wait to their workers and all others to the rest; who has none left takes what there is."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        wanted = WAITING_FILES.get(node.gateway.id)
        waiting = {file for files in WAITING_FILES.values() for file in files}
        fitting = (file for file in self.workqueue if (file in wanted if wanted else file not in waiting))
        file = next(fitting, None)
        if file is not None:
            self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)
