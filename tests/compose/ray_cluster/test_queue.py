"""The queue of a sweep on a Ray cluster: what is handed over when, what is put back, and what is said."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from fake_clock import FakeClock

from evalkit.compose.ray_cluster.queue import RayQueue, RefusedError, SessionGoneError, SessionLine
from evalkit.compose.ray_cluster.words import ClusterChoice, KeptJob, ToldByRay
from evalkit.errors import LaunchError
from evalkit.runner.job_watch import QueueState
from evalkit.store.running_jobs import RunningJobs

GONE, RUNNING, WAITING = QueueState.GONE, QueueState.RUNNING, QueueState.WAITING


@dataclass
class ScriptedSession:
    """Stands in for the process that talks with Ray: says of each actor, by its name, what it is told to say."""

    told: dict[str, ToldByRay] = field(default_factory=dict)
    verbs: list[tuple[str, Any]] = field(default_factory=list)
    is_away: bool = False
    refusal: str = ""
    has_ended: bool = False
    is_away_after: str = ""

    def is_joined(self, within_s: float) -> bool:
        """It is."""
        return within_s > 0

    def ask(self, verb: str, *arguments: Any) -> Any:
        """Answer."""
        if self.is_away:
            raise SessionGoneError
        self.verbs.append((verb, arguments))
        if verb == "give":
            if self.refusal:
                raise RefusedError(self.refusal)
            self.told[arguments[0]] = ToldByRay(WAITING)
        if verb == self.is_away_after:
            raise SessionGoneError
        return {"ask": dict(self.told), "find_obstacle": "no node has a GPU"}.get(verb)

    def close(self) -> None:
        """Nothing to do."""


class Sweep:
    """A queue of four jobs, two at once, and the session behind it."""

    def __init__(self, root: Path) -> None:
        self.session, self.clock = ScriptedSession(), FakeClock()
        self.jobs = RunningJobs(root)
        self.is_headed = True
        open_line = cast("Callable[[ClusterChoice, Path], SessionLine]", lambda *_: self.session)
        self.queue = RayQueue(
            ClusterChoice({"address": "auto"}, {}),
            self.jobs,
            self.clock,
            at_once=2,
            max_takeovers=1,
            open_line=open_line,
            is_listening=lambda _: self.is_headed,
        )
        for number in range(4):
            self.queue.put(number, KeptJob(str(root), number, b"work"), {"A_KEY": "canary"})

    def ask(self, *numbers: int) -> Mapping[int, QueueState] | None:
        """Return what the queue says of jobs, after Ray was told to run whatever it was given."""
        return self.queue.ask(numbers)

    def say(self, number: int, told: ToldByRay) -> None:
        """Let Ray say something else of a job."""
        self.session.told[self.names[number]] = told

    @property
    def names(self) -> Mapping[int, str]:
        """What jobs are called, as it is noted for others."""
        queued = self.jobs.find_queued()
        assert queued is not None
        assert queued.queue == "ray"
        return queued.ids

    @property
    def given(self) -> list[int]:
        """The jobs that were handed over, in that order."""
        return [arguments[1].number for verb, arguments in self.session.verbs if verb == "give"]


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    """Four jobs that nobody has asked for yet."""
    return Sweep(tmp_path)


def test_so_many_jobs_are_handed_over_as_may_run_at_once(sweep: Sweep) -> None:
    """The next one when one has ended, of which nobody asks any more; names are noted as they come."""
    assert sweep.ask(0, 1, 2, 3) == dict.fromkeys(range(4), WAITING)
    assert sweep.given == [0, 1]
    assert set(sweep.names) == {0, 1}
    sweep.say(0, ToldByRay(RUNNING))
    assert sweep.ask(0, 1, 2, 3) == {0: RUNNING, 1: WAITING, 2: WAITING, 3: WAITING}
    assert sweep.given == [0, 1]
    sweep.ask(1, 2, 3)
    assert sweep.given == [0, 1, 2]


def test_a_job_whose_node_died_goes_to_another_one_and_not_for_ever(
    sweep: Sweep, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, here; not before it is silent, since its node may only be out of reach."""
    sweep.ask(0, 1)
    sweep.say(0, ToldByRay(GONE, "its node died", is_node_lost=True))
    with sweep.jobs.running(0):
        assert sweep.ask(0, 1) == {0: RUNNING, 1: WAITING}
        assert sweep.given == [0, 1]
    assert sweep.ask(0, 1) == {0: WAITING, 1: WAITING}
    assert sweep.given == [0, 1, 0]
    assert "job 0: its node is gone; another one takes it" in caplog.text
    sweep.say(0, ToldByRay(GONE, "its node died", is_node_lost=True))
    assert sweep.ask(0, 1) == {0: GONE, 1: WAITING}
    assert sweep.given == [0, 1, 0]


def test_a_job_is_not_given_up_before_it_is_known_whether_its_node_died(sweep: Sweep) -> None:
    """Ray says so some time after it has said that the job is gone; if it never does, the job is."""
    sweep.ask(0, 1)
    for number in (0, 1):
        sweep.say(number, ToldByRay(GONE, "it died", is_sure=False))
    assert sweep.ask(0, 1) == {0: RUNNING, 1: RUNNING}
    sweep.say(0, ToldByRay(GONE, "it died", is_node_lost=True))
    sweep.clock.now_s += 41
    assert sweep.ask(0, 1) == {0: WAITING, 1: GONE}
    assert sweep.given == [0, 1, 0]


def test_a_job_that_was_killed_is_not_begun_again(sweep: Sweep, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody meant it; it is said once."""
    sweep.ask(0, 1)
    sweep.say(1, ToldByRay(GONE, "killed via ray.kill"))
    for _ in range(3):
        assert sweep.ask(0, 1) == {0: WAITING, 1: GONE}
    assert sweep.given == [0, 1]
    assert caplog.text.count("job 1: its process did not end as it should (killed via ray.kill)") == 1


def test_an_interruption_hands_nothing_over_any_more(sweep: Sweep) -> None:
    """What has not begun is taken back, and what waits here never begins."""
    sweep.ask(0, 1, 2, 3)
    with sweep.jobs.running(1):
        sweep.queue.interrupt([1])
    assert sweep.session.verbs[-2:] == [("interrupt", ([sweep.names[1]],)), ("stop", ([sweep.names[0]],))]
    assert sweep.ask(1, 2, 3) == {1: WAITING, 2: GONE, 3: GONE}
    assert sweep.given == [0, 1]


def test_a_cluster_that_does_not_answer_says_nothing(sweep: Sweep) -> None:
    """No answer is None, and no job is gone for it."""
    sweep.ask(0)
    sweep.session.is_away = True
    assert sweep.ask(0) is None
    sweep.session.is_away = False
    assert sweep.ask(0) == {0: WAITING}


def test_a_job_is_given_once_though_nobody_says_that_it_was_taken(sweep: Sweep) -> None:
    """An answer that is late may have been a yes: the next question is about that job, and none gives it again."""
    sweep.session.is_away_after = "give"
    assert sweep.ask(0) is None
    sweep.session.is_away_after = ""
    assert sweep.ask(0) == {0: WAITING}
    assert sweep.given == [0]


def test_a_session_that_ended_is_begun_again_and_not_at_once(sweep: Sweep) -> None:
    """Ray ends a process that has lost its cluster; whether it is back is tried every ten seconds."""
    sweep.ask(0)
    sweep.session.has_ended = True
    assert sweep.ask(0) is None
    sweep.session.has_ended = False
    sweep.clock.now_s += 11
    assert sweep.ask(0) == {0: WAITING}


def test_a_cluster_without_a_head_is_gone_after_a_while(sweep: Sweep, caplog: pytest.LogCaptureFixture) -> None:
    """Its nodes end by themselves then, and their jobs with them; one whose head comes back is asked again."""
    sweep.ask(0)
    sweep.session.has_ended, sweep.is_headed = True, False
    sweep.clock.now_s += 11
    assert sweep.ask(0) is None
    assert "nobody listens at auto: in 90 s its jobs are taken for gone" in caplog.text
    sweep.clock.now_s += 80
    assert sweep.ask(0) is None
    sweep.clock.now_s += 11
    assert sweep.ask(0, 3) == {0: GONE, 3: GONE}
    sweep.session.has_ended, sweep.is_headed = False, True
    sweep.clock.now_s += 11
    assert sweep.ask(0) == {0: WAITING}


def test_a_cluster_that_is_not_there_is_no_wait(tmp_path: Path) -> None:
    """The address is named, at once, and nothing of Ray's is started."""
    sweep = Sweep(tmp_path)
    sweep.is_headed = False
    with pytest.raises(LaunchError, match="the cluster at auto could not be joined: nobody listens there"):
        sweep.queue.open()


def test_why_jobs_wait_is_said_when_none_runs(sweep: Sweep, caplog: pytest.LogCaptureFixture) -> None:
    """After a while, and once as long as it is the same."""
    for _ in range(4):
        sweep.ask(0, 1)
        sweep.clock.now_s += 20
    assert caplog.text.count("jobs wait: no node has a GPU") == 1


def test_what_ray_refuses_is_said_and_gone(sweep: Sweep, caplog: pytest.LogCaptureFixture) -> None:
    """In Ray's words, once, with the key to look at."""
    sweep.session.refusal = "num_cpus must be a number"
    sweep.ask(0)
    assert sweep.ask(0) == {0: GONE}
    assert caplog.text.count("job 0: Ray refuses it (num_cpus must be a number); check hydra.launcher.ray.remote") == 1


def test_jobs_of_another_process_are_asked_by_their_names(sweep: Sweep) -> None:
    """Of those that it never handed over nothing is said."""
    sweep.session.told = {"theirs": ToldByRay(RUNNING)}
    sweep.queue.rejoin({7: "theirs"})
    assert sweep.ask(7, 8) == {7: RUNNING}


def test_a_keeper_whose_command_went_before_it_had_a_job_never_gets_one(
    sweep: Sweep, caplog: pytest.LogCaptureFixture
) -> None:
    """It is gone for whoever joins the sweep; to the command that waits for it, it may still be given its job."""
    sweep.ask(0)
    sweep.say(0, ToldByRay(RUNNING, has_job=False))
    assert sweep.ask(0) == {0: RUNNING}
    sweep.queue.rejoin({7: sweep.names[0]})
    assert sweep.ask(7) == {7: GONE}
    sweep.say(0, ToldByRay(GONE, "it left by itself"))
    assert sweep.ask(7) == {7: GONE}
    assert "did not end as it should" not in caplog.text


def test_no_key_is_written(sweep: Sweep, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is handed over beside the job, and stands in no file and no message."""
    caplog.set_level(logging.DEBUG)
    sweep.ask(0, 1)
    assert [arguments[2] for verb, arguments in sweep.session.verbs if verb == "give"] == [{"A_KEY": "canary"}] * 2
    assert "canary" not in caplog.text
    assert all("canary" not in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
