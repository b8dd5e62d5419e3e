"""Callers that behave, by the installed command: each option does in shipped calls what it says, and is recorded."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import Cli, Finished, at_once, read_json

from evalkit.audio.levels import find_speech
from evalkit.audio.wav import read_wav

SHIPPED = Path(__file__).parents[2] / "data" / "run"
# Option -> the kind of caller, the acts that it must have done, and the metric that they are events of.
OPTIONS = {
    "interrupting": ("realtime", {"interruption"}, "yield_rate"),
    "backchannelling": ("text", {"backchannel"}, "backchannel_selectivity"),
    "hesitant": ("realtime", {"vocal_tic", "pause"}, "vocal_tic_selectivity"),
    "distracted": ("text", {"side_speech"}, "side_speech_selectivity"),
    "silent": ("realtime", {"silence"}, "response_latency"),
}
CASES = ("sim_support_order_status", "sim_support_tool_error")
# As docs/callers.md states it.
TOLERANCE_S = 0.25


def _index(folder: Path, cases: tuple[str, ...]) -> Path:
    path = folder / "simulations.csv"
    rows = "".join(f"{case},{SHIPPED / case}.json\n" for case in cases)
    path.write_text(f"simulation_id,simulation_path\n{rows}")
    return path


def _notes(done: Finished, case: str) -> dict[str, Any]:
    notes: dict[str, Any] = read_json(done.directory / "records" / f"{case}.json")["notes"]["turn_taking"]
    return notes


def _acts(notes: dict[str, Any]) -> set[str]:
    acts = {str(said["act"]) for said in notes["caller"]}
    pauses = {"pause"} if any("pauses" in said for said in notes["caller"]) else set[str]()
    return acts | pauses | ({"silence"} if notes["silences"] else set[str]())


@pytest.fixture(scope="module")
def held(warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    """A run with each option, all at the same time."""

    def hold(option: str, folder: Path) -> Finished:
        return Cli(folder, warm_env)(
            "mode=run", "turn_detection=server_vad", "assistant=support", f"simulator={option}",
            f"simulator.kind={OPTIONS[option][0]}", f"mode.data_csv={_index(folder, CASES)}", "report.plots=false",
        )  # fmt: skip

    runs = at_once(*(partial(hold, option, tmp_path_factory.mktemp(option)) for option in OPTIONS))
    return dict(zip(OPTIONS, runs, strict=True))


@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_does_what_it_says(option: str, held: dict[str, Finished]) -> None:
    """Calls end well, acts are there or it is said why not, turn-taking has events, and the uplink holds the sound."""
    _, wanted, metric = OPTIONS[option]
    done = held[option]
    assert done.code == 0, done.err
    records = {case: read_json(done.directory / "records" / f"{case}.json") for case in CASES}
    assert [record["failure"] for record in records.values()] == [None, None]
    assert wanted <= set().union(*(_acts(record["notes"]["turn_taking"]) for record in records.values()))
    assert read_json(done.directory / "summary.json")["turn_taking"]["metrics"][metric]["events"] > 0
    for case, record in records.items():
        _check_places(done, case, record["notes"]["turn_taking"])
        lines = (done.directory / "conversations" / f"{case}.txt").read_text().splitlines()
        said = [each["words"] for each in record["notes"]["turn_taking"]["caller"]]
        assert [line.partition(": ")[2] for line in lines if " USER" in line] == [" ".join(one.split()) for one in said]


def _check_places(done: Finished, case: str, notes: dict[str, Any]) -> None:
    """Hold the uplink to the record: there is sound where it says so, and none anywhere else."""
    audio = read_wav(done.directory / "audio" / case / "uplink.wav")
    rate_hz, began_s = notes["uplink"]["sample_rate_hz"], notes["uplink"]["began_s"]
    said = np.zeros(audio.pcm.size, dtype=np.bool_)
    for each in notes["caller"]:
        start, end = each["samples"]
        said[start:end] = True
        heard = np.flatnonzero(find_speech(audio.pcm[start:end], rate_hz))
        assert each["parts"][0][0] == pytest.approx(began_s + (start + heard[0]) / rate_hz, abs=0.002)
    assert not audio.pcm[~said].any()


@pytest.mark.slow
@pytest.mark.timeout(600)  # nine calls at the speed of speech
def test_two_runs_with_one_seed_have_the_same_truth_and_the_same_metrics(
    warm_env: dict[str, str], tmp_path: Path
) -> None:
    """At concurrency 1 and 8: the same acts, words, events, delays and sounds, each as long after its event.

    Metrics rest on the same events; shares are the same, and times as near as the documentation says. That is of runs
    whose words the embedded recogniser knows: at its first hearing it takes a second longer, hence the first run.
    """
    cases = (*CASES, "sim_support_missing_information")
    behaviour = [
        {"act": "backchannel", "delay_ms": [600, 1500], "turns": [1]},
        {"act": "vocal_tic", "after": "assistant_finished", "delay_ms": [900, 2000]},
        {"act": "pause"},
        {"act": "silence", "duration_ms": [500, 2000]},
    ]
    truths, metrics = [], []
    for number, concurrency in enumerate((8, 1, 8)):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = Cli(folder, warm_env)(
            "mode=run", "turn_detection=server_vad", "assistant=support", f"simulator.behaviour={_hydra(behaviour)}",
            f"mode.data_csv={_index(folder, cases)}", f"concurrency={concurrency}", "report.plots=false",
        )  # fmt: skip
        assert done.code == 0, done.err
        truths.append([_truth(done, case) for case in cases])
        metrics.append(read_json(done.directory / "summary.json")["turn_taking"]["metrics"])
    (_, _), (alone, late_alone), (together, late_together) = (zip(*truth, strict=True) for truth in truths)
    assert alone == together
    assert any(alone)
    assert np.abs(np.concatenate([*late_alone, *late_together])).max() <= 0.04
    assert {name for name in metrics[1] if not _agree(metrics[1][name], metrics[2][name])} == set()


def _agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether a metric of two runs rests on as many events and has the same share, or times that are near."""
    if one["unit"] == "share" or not one["events"]:
        return (one["events"], one["shown"]) == (other["events"], other["shown"])
    return one["events"] == other["events"] and abs(one["value"] - other["value"]) <= TOLERANCE_S


def _truth(done: Finished, case: str) -> tuple[list[Any], list[float]]:
    """Return what the caller did, by words and sound, and how many seconds off its moment each act began.

    An act that had to wait until enough of the answer had come has its moment then.
    """
    notes = _notes(done, case)
    rate_hz, began_s = notes["uplink"]["sample_rate_hz"], notes["uplink"]["began_s"]
    pcm = read_wav(done.directory / "audio" / case / "uplink.wav").pcm
    truth, off_s = [], []
    for each in notes["caller"]:
        start, end = each["samples"]
        plan = {key: value for key, value in each.get("plan", {}).items() if key != "triggered_s"}
        pauses = [[first - start, last - start] for first, last in (one["samples"] for one in each.get("pauses", []))]
        if "plan" in each:
            moment_s = each["plan"]["triggered_s"] + (plan["delay_ms"] + plan.pop("waited_ms")) / 1000
            off_s.append(began_s + start / rate_hz - moment_s)
        truth.append((each["turn_index"], each["act"], each["words"], plan, pauses, pcm[start:end].tobytes()))
    planned = [(each["turn_index"], each["duration_ms"]) for each in notes["silences"]]
    return [*truth, *planned], off_s


def _hydra(rules: list[dict[str, Any]]) -> str:
    items = ",".join("{" + ",".join(f"{key}:{value}" for key, value in rule.items()) + "}" for rule in rules)
    return f"[{items}]"


def test_what_needs_full_duplex_is_refused_without_it(cli: Cli) -> None:
    """One message that says what to take; pauses inside a sentence need none."""
    done = cli("check", "mode=run", "simulator=interrupting")
    assert done.code == 2
    assert "simulator.behaviour: has interruption, but with turn_detection=none" in done.err
    assert cli("check", "mode=run", "simulator.behaviour=[{act:pause}]", "max_examples=1").code == 0


def test_a_wrong_rule_is_refused_wherever_it_stands(cli: Cli, tmp_path: Path) -> None:
    """With its place, what was found and what is expected: in the config, and in a simulation's file."""
    done = cli("check", "mode=run", "turn_detection=server_vad", "simulator.behaviour=[{act:backchannel,then:[x]}]")
    assert done.code == 2
    assert "simulator.behaviour #1: 'then': act backchannel has no such key" in done.err
    case = "sim_support_order_status"
    document = read_json(SHIPPED / f"{case}.json")
    document["simulator"]["behaviour"] = [{"act": "silence", "duration_ms": [9, 2]}]
    document["assistant"] = {}
    (tmp_path / "sim.json").write_text(json.dumps(document))
    (tmp_path / "simulations.csv").write_text(f"simulation_id,simulation_path\n{case},sim.json\n")
    done = cli("check", "mode=run", "turn_detection=server_vad", "assistant=support",
               f"mode.data_csv={tmp_path / 'simulations.csv'}")  # fmt: skip
    assert done.code == 2
    assert "'simulator.behaviour' #1: 'duration_ms': is [9, 2], expected the least first" in done.err
