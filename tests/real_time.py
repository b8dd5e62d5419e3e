"""Files of tests that wait for calls at the speed of speech: they have a worker to themselves, the first one.

Such a call takes its time and hardly any CPU, so it is held while the other workers compute; and these give way to it,
so that its sound is in time however busy they are.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

WAITING_FILES = (
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
_WAITING_WORKER = "gw0"
_NICENESS = 10


def give_way() -> None:
    """Let this process, where it is a worker that computes, leave a core that a call at the speed of speech needs."""
    if os.environ.get("PYTEST_XDIST_WORKER", _WAITING_WORKER) != _WAITING_WORKER:
        os.nice(_NICENESS)


class WaitingBesideComputing(LoadFileScheduling):  # type: ignore[misc]
    """Gives files that wait to their worker and all others to the rest, as long as there are both."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        waits = node.gateway.id == _WAITING_WORKER
        fitting = (file for file in self.workqueue if (file in WAITING_FILES) == waits)
        file = next(fitting, None)
        if file is not None:
            self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)
