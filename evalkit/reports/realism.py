"""The same cases at rising realism: what a voice, a phone line and full duplex cost, each beside the step before it.

========================== ==================================== =====================================================
step                       what its run's config says           what is lost in it, against the step before
========================== ==================================== =====================================================
text                       ``input: text``                      (misreasoned: there was nothing to hear)
clean voice                ``input: voice``, no channel         the assistant mishears
voice over a line          a ``channel`` that is not clean      the line takes away what it needs to understand
in full duplex             ``turn_detection`` that is not none  the assistant mistimes
========================== ==================================== =====================================================

Which step a run is follows from its config alone, and so does the order. Runs whose configs differ in anything else
(the model, the tools, the caller's model) are not steps of one ladder: each kind of run has a ladder of its own, and so
has each line and each turn detection. What a step costs is paired over the case-trials of both runs, as ``evalkit
compare`` does it; p-values are adjusted for the number of steps by Holm's method.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise, product
from typing import Any

from evalkit.metrics.paired import PairedDifference, compare_pairs, holm
from evalkit.metrics.statistics import Estimate, Interval, estimate_mean
from evalkit.reports.config_changes import result_settings
from evalkit.reports.pairs import PairedRuns, Side, pair_runs
from evalkit.reports.trials import GRADE, PASSED, trial_values

_SIGNIFICANT = 0.05
# What a step may change: how words travel and who takes the turns, with all that needs.
_CHANGED_BY_STEPS = (
    "input", "channel", "turn_detection", "audio", "speech", "chunk_ms", "real_time", "mode.graders", "assistant.voice",
    "simulator.voice", "simulator.behaviour", "service.speech", "service.transcription", "service.base_url",
    "service.api_key_env", "service.speech_model", "service.transcription_model", "max_examples", "trials",
)  # fmt: skip


@dataclass(frozen=True, order=True)
class RealismStep:
    """How near to a real call a run's cases were held; steps are ordered by what they have, the turns first."""

    is_duplex: bool
    is_line: bool
    is_voice: bool
    channel: str = field(default="clean", compare=False)
    detection: str = field(default="none", compare=False)

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> RealismStep | None:
        """Return the step of a run with this config; None where its cases are no spoken or written turns."""
        channel, detection = config.get("channel"), config.get("turn_detection")
        if config.get("input") == "text":
            return cls(is_duplex=False, is_line=False, is_voice=False)
        if not isinstance(channel, Mapping):
            return None
        name, kind = str(channel.get("name")), str((detection or {}).get("type", "none"))
        return cls(kind != "none", name != "clean", is_voice=True, channel=name, detection=kind)

    @property
    def name(self) -> str:
        """What it is called."""
        if not self.is_voice:
            return "text"
        line = f"voice over {self.channel}" if self.is_line else "clean voice"
        return f"{line}, full duplex" if self.is_duplex else line


_Placed = tuple[RealismStep, Side]


@dataclass(frozen=True)
class StepCost:
    """What a step costs against the one before it.

    Attributes:
        passed: The difference in what passed; None where no case-trial is decided in both.
        grade: The difference in the grade; None where none is graded in both.
        p_adjusted: That of `passed`, by Holm's method.
        lost: Case-trials that passed before and not here.
        won: Those that passed here and not before.
        broke_off: Kind of failure -> how many of those that were lost broke off with it, and so say nothing of what the
            step is about.
        had_broken_off: The same of those that were won, on the step before.
        unpaired: Case-trials of either run that have no partner.
        reading: What kind of loss it is, in a sentence.

    """

    passed: PairedDifference | None
    grade: PairedDifference | None
    p_adjusted: float | None
    lost: tuple[str, ...]
    won: tuple[str, ...]
    broke_off: Mapping[str, int]
    had_broken_off: Mapping[str, int]
    unpaired: int
    reading: str


@dataclass(frozen=True)
class LadderStep:
    """One run on a ladder: its own scores, and what it costs; None on the lowest step."""

    step: RealismStep
    run: str
    directory: str
    passed: Estimate
    grade: Estimate
    cost: StepCost | None
    reading: str


@dataclass(frozen=True)
class RealismLadder:
    """Runs of the same cases that differ in realism alone. `of` says what sets it apart from other ladders."""

    of: tuple[str, ...]
    steps: tuple[LadderStep, ...]


@dataclass(frozen=True)
class RealismReport:
    """The ladders among several runs, and why runs are on none."""

    ladders: tuple[RealismLadder, ...]
    left_out: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"ladders": [_ladder_to_json(ladder) for ladder in self.ladders], "left_out": list(self.left_out)}


def has_several_steps(configs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether runs with these configs were held at different steps."""
    steps = {step for config in configs if (step := RealismStep.of_config(config)) is not None}
    return len(steps) > 1


def find_realism(runs: Sequence[Side]) -> RealismReport:
    """Return what rising realism costs in `runs`; those that are on no ladder are named with the reason."""
    placed = [(step, run) for run in runs if (step := RealismStep.of_config(run.config)) is not None]
    subjects = [result_settings(run.config, run.datasets, but=_CHANGED_BY_STEPS) for _, run in placed]
    keys = dict.fromkeys(key for subject in subjects for key in subject)
    differing = [key for key in keys if len({str(subject.get(key)) for subject in subjects}) > 1]
    groups: dict[tuple[str, ...], list[_Placed]] = defaultdict(list)
    for subject, found in zip(subjects, placed, strict=True):
        groups[tuple(f"{key}={subject.get(key)}" for key in differing)].append(found)
    left_out = [
        f"{_called(run)}: has neither input nor channel" for run in runs if run not in [side for _, side in placed]
    ]
    ladders = []
    for of, members in groups.items():
        for way, steps in _ways_up(members).items():
            problem = _find_ladder_problem(steps, (*of, *way))
            if problem:
                left_out.append(problem)
            else:
                ladders.append(RealismLadder((*of, *way), _climb(sorted(steps, key=lambda member: member[0]))))
    return RealismReport(tuple(ladders), tuple(left_out))


def _ways_up(members: Sequence[_Placed]) -> dict[tuple[str, ...], list[_Placed]]:
    """Return the ladders that runs of one kind make: one for each line and each turn detection that they have.

    What no such choice is made for, text and a clean voice, is the beginning of each. A way is called by what sets it
    apart from the others.
    """
    lines = list(dict.fromkeys(step.channel for step, _ in members if step.is_line)) or ["clean"]
    detections = list(dict.fromkeys(step.detection for step, _ in members if step.is_duplex)) or ["none"]
    ways: dict[tuple[str, ...], list[_Placed]] = {}
    for line, detection in product(lines, detections):
        steps = [
            (step, run)
            for step, run in members
            if step.channel in ("clean", line) and step.detection in ("none", detection)
        ]
        called = [f"channel={line}"] * (len(lines) > 1) + [f"turn_detection={detection}"] * (len(detections) > 1)
        if steps and steps not in ways.values():
            ways[tuple(called)] = steps
    return ways


def _find_ladder_problem(members: Sequence[_Placed], of: Sequence[str]) -> str:
    """Return why runs that differ in realism alone are no ladder; empty where they are one."""
    names = ", ".join(_called(run) for _, run in members)
    counts = [step for step, _ in members]
    twice = next((step for step in counts if counts.count(step) > 1), None)
    if twice is not None:
        return f"{names}: several runs of one step ({twice.name}); give one run of each"
    if len(members) == 1:
        apart = f": no other run has {', '.join(of)}" if of else ""
        return f"{names}: is the only run of its kind, and nothing can be said of a step{apart}"
    return ""


def _climb(members: Sequence[_Placed]) -> tuple[LadderStep, ...]:
    pairs = [pair_runs(before, after) for (_, before), (_, after) in pairwise(members)]
    seed = _seed(members[0][1])
    found = [_difference(paired, PASSED, seed) for paired in pairs]
    adjusted = holm({str(place): each.p_value for place, each in enumerate(found) if each})
    steps = []
    for place, (step, run) in enumerate(members):
        passed = _estimate(run, PASSED, seed)
        cost = None
        if place:
            change = _Change(members[place - 1][0], step, found[place - 1], adjusted.get(str(place - 1)))
            cost = _cost(change, pairs[place - 1], (members[place - 1][1], run), seed)
        reading = cost.reading if cost else _read_lowest(step, passed)
        grade = _estimate(run, GRADE, seed)
        steps.append(LadderStep(step, run.name, run.directory, passed, grade, cost, reading))
    return tuple(steps)


@dataclass(frozen=True)
class _Change:
    """What changed in what passed from one step to the next."""

    before: RealismStep
    step: RealismStep
    passed: PairedDifference | None
    p_adjusted: float | None


def _cost(change: _Change, paired: PairedRuns, runs: tuple[Side, Side], seed: int) -> StepCost:
    pairs = paired.pairs(PASSED)
    lost = tuple(key for key, pair in pairs.items() if pair.before == 1 and pair.after < 1)
    won = tuple(key for key, pair in pairs.items() if pair.after == 1 and pair.before < 1)
    broke_off, had_broken_off = _broken_off(runs[1], lost), _broken_off(runs[0], won)
    return StepCost(
        passed=change.passed,
        grade=_difference(paired, GRADE, seed),
        p_adjusted=change.p_adjusted,
        lost=lost,
        won=won,
        broke_off=broke_off,
        had_broken_off=had_broken_off,
        unpaired=len(paired.unpaired),
        reading=_read_step(change, (len(lost), broke_off), (len(won), had_broken_off)),
    )


def _broken_off(run: Side, keys: Sequence[str]) -> dict[str, int]:
    failures = {record.key: record.failure.error_type for record in run.records if record.failure}
    return dict(Counter(failures[key] for key in keys if key in failures))


def _difference(paired: PairedRuns, metric: str, seed: int) -> PairedDifference | None:
    pairs = list(paired.pairs(metric).values())
    return compare_pairs(pairs, seed) if pairs else None


def _estimate(run: Side, metric: str, seed: int) -> Estimate:
    values = trial_values([row for row in run.table().rows if row.scored], metric)
    cases = {record.key: record.case.case_id for record in run.records}
    return estimate_mean(list(values.values()), [cases[key] for key in values], seed)


def _read_lowest(step: RealismStep, passed: Estimate) -> str:
    """Return what the lowest step says."""
    if passed.mean is None:
        return f"{step.name}: nothing is decided"
    if step.is_voice:
        return f"{step.name} passes {passed.mean:.2f}; without a run in text, misheard and misreasoned look alike"
    if passed.mean == 1:
        return "with the words alone everything passes: the assistant reasons rightly about these cases"
    return f"with the words alone {passed.mean:.2f} passes: what fails here is misreasoned, whatever is heard"


def _read_step(change: _Change, lost: tuple[int, Mapping[str, int]], won: tuple[int, Mapping[str, int]]) -> str:
    """Return what a step's difference says, in a sentence; `lost` and `won` are counts, and how many broke off."""
    before, step, passed, p_adjusted = change.before, change.step, change.passed, change.p_adjusted
    added = [
        (what, loss)
        for is_new, what, loss in (
            (step.is_voice and not before.is_voice, "a voice", "mishears"),
            (step.is_line and not before.is_line, f"the line ({step.channel})", "is lost on the line"),
            (step.is_duplex and not before.is_duplex, f"full duplex ({step.detection})", "mistimes"),
        )
        if is_new
    ]
    what, loss = (" and ".join(each) for each in zip(*added, strict=True))
    aside = _tell_broken("lost broke off", *lost) + _tell_broken("won had broken off before", *won)
    aside += "; it also takes the line away" if before.is_line and not step.is_line else ""
    if 2 * sum(lost[1].values()) > lost[0]:
        loss = "breaks off"
    if passed is None or p_adjusted is None:
        return f"{what}: no case-trial is decided in both{aside}"
    if not passed.difference:
        return f"{what}: costs nothing in {passed.n} pairs{aside}"
    if p_adjusted >= _SIGNIFICANT:
        found = passed.detectable
        power = ""
        if found and abs(passed.difference) < found:
            power = f"; {found:.2f} would be found" if found <= 1 else "; so few would show no difference at all"
        return f"{what}: {passed.difference:+.2f} over {passed.n} pairs may be chance{power}{aside}"
    size = f"{abs(passed.difference):.2f} over {passed.n} pairs"
    if passed.difference > 0:
        return f"{what}: gains {size}{aside}"
    return f"{what}: costs {size}: the assistant {loss}{aside}"


def _tell_broken(what: str, count: int, kinds: Mapping[str, int]) -> str:
    return f"; {sum(kinds.values())} of the {count} that were {what} ({', '.join(kinds)})" if kinds else ""


def _seed(run: Side) -> int:
    stored = run.config.get("seed", 0)
    return stored if isinstance(stored, int) else 0


def _called(run: Side) -> str:
    return run.directory.rstrip("/").rpartition("/")[2]


def _ladder_to_json(ladder: RealismLadder) -> dict[str, Any]:
    return {"of": list(ladder.of), "steps": [_step_to_json(each) for each in ladder.steps]}


def _step_to_json(each: LadderStep) -> dict[str, Any]:
    step, cost = each.step, each.cost
    return {
        "step": step.name,
        "input": "voice" if step.is_voice else "text",
        "channel": step.channel if step.is_voice else None,
        "turn_detection": step.detection if step.is_voice else None,
        "run": each.run,
        "directory": each.directory,
        "passed": _estimate_to_json(each.passed),
        "grade": _estimate_to_json(each.grade),
        "reading": each.reading,
        "cost": cost and {key: value for key, value in asdict(cost).items() if key != "reading"},
    }


def _estimate_to_json(found: Estimate) -> dict[str, Any]:
    return {"mean": found.mean, "n": found.n, "ci95": _ends(found.interval)}


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
