"""Simulated calls in full duplex by the installed command, with the embedded provider taking the turns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from harness import Cli, Finished, at_once, read_events, read_json

from evalkit.audio.levels import find_speech
from evalkit.audio.wav import read_wav
from evalkit.runner.reporting import report_run
from evalkit.store.run_directory import RunDirectory

SHIPPED = Path(__file__).parents[2] / "data" / "run"
# Caller -> a short shipped call: one of one turn, and one in which the caller is asked for what it left out.
CALLS = {"realtime": "sim_support_order_status", "text": "sim_support_missing_information"}


@dataclass(frozen=True)
class Held:
    """A call that was held: what the command left, and the case."""

    finished: Finished
    case: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """What went over the assistant's connection."""
        return [each for each in read_events(self.finished.directory, self.case) if each["source"] == "assistant"]


# One utterance, and what makes its turn the server's, which is one where its silence cuts nothing.
UTTERANCE = ("max_examples=1", "report.plots=false", "mode.graders=[tool_call,tool_call_args]")
LONG = ("turn_detection=server_vad", "turn_detection.silence_duration_ms=1200", "gate.turn_taking.max_talk_over_s=1")


@pytest.fixture(scope="module")
def runs(warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    """A shipped call with either kind of caller, and an utterance of either mode, all at the same time."""

    def hold(kind: str) -> partial[Finished]:
        folder, case = tmp_path_factory.mktemp("duplex"), CALLS[kind]
        index = folder / "simulations.csv"
        index.write_text(f"simulation_id,simulation_path\n{case},{SHIPPED / case}.json\n")
        return partial(
            Cli(folder, warm_env), "mode=run", "turn_detection=server_vad", "assistant=support",
            f"mode.data_csv={index}", f"simulator.kind={kind}", "report.plots=false",
        )  # fmt: skip

    modes = {mode: Cli(tmp_path_factory.mktemp(mode), warm_env) for mode in ("crawl", "walk")}
    tasks = {kind: hold(kind) for kind in CALLS}
    tasks |= {mode: partial(cli, f"mode={mode}", *UTTERANCE, *LONG) for mode, cli in modes.items()}
    return dict(zip(tasks, at_once(*tasks.values()), strict=True))


@pytest.fixture(params=CALLS)
def held(request: Any, runs: dict[str, Finished]) -> Held:
    """A shipped call with either kind of caller."""
    return Held(runs[request.param], CALLS[request.param])


def test_the_call_is_held_and_graded(held: Held) -> None:
    """The server answered by itself, tools were answered by mocks, and the call got the grades that a call gets."""
    finished = held.finished
    assert finished.code == 0, finished.err
    record = read_json(finished.directory / "records" / f"{held.case}.json")
    assert (record["failure"], record["notes"]["ended_by"]) == (None, "caller")
    assert record["settings"]["turn_detection"]["type"] == "server_vad"
    assert (finished.rows[-1]["tool_call_grade"], finished.rows[-1]["passed"]) == ("1", "1")
    assert all(row["assistant_text"] for row in finished.rows)
    sent = {event["type"] for event in held.events if event["direction"] == "sent"}
    assert "input_audio_buffer.commit" not in sent
    assert {"input_audio_buffer.speech_stopped", "input_audio_buffer.committed"} <= {
        each["type"] for each in held.events
    }


def test_what_was_heard_is_recorded_where_it_was_heard(held: Held) -> None:
    """The table's numbers are those of the recording, and the uplink never stopped."""
    audio = read_wav(held.finished.directory / "audio" / held.case / "conversation.wav")
    rate_hz = audio.sample_rate_hz
    record = read_json(held.finished.directory / "records" / f"{held.case}.json")
    caller = find_speech(audio.pcm[:, 0], rate_hz)
    agent = find_speech(audio.pcm[:, 1], rate_hz)
    for row, said in zip(held.finished.rows, record["notes"]["turn_taking"]["caller"], strict=True):
        end = round(said["parts"][-1][1] * rate_hz)
        assert caller[end - rate_hz // 20 : end].any()
        assert not caller[end + rate_hz // 20 : end + rate_hz // 4].any()
        answered_ms = agent[end:].argmax() / rate_hz * 1000
        assert float(row["response_latency_ms"]) == pytest.approx(answered_ms, abs=40)
        assert (row["overlap_ms"] != "", row["interrupted_caller"] != "") == (True, True)
    notes = record["notes"]["turn_taking"]
    for made in notes["generated"]:  # all of it is heard, but where the caller goes on after a pause in its own words
        came_s = made["first_arrived_s"]
        heard_s = [started_s - came_s for started_s in notes["server"]["speech_started_s"] if started_s > came_s]
        assert made["played_s"] == pytest.approx(min([made["sound_s"], *heard_s]), abs=0.01)
        assert came_s <= made["last_arrived_s"]
    assert made["played_s"] == pytest.approx(made["sound_s"], abs=0.01)
    assert notes["generated"][0]["first_arrived_s"] < notes["agent"][0]["parts"][0][0]
    appended = [event for event in held.events if event["type"] == "input_audio_buffer.append"]
    took_ms = appended[-1]["event_time_ms"] - appended[0]["event_time_ms"]
    assert len(appended) == pytest.approx(took_ms / 20, rel=0.02, abs=3)


def test_the_summary_has_its_turn_taking_also_when_it_is_made_again(held: Held) -> None:
    """The same latencies as the table's, and the same again by `report`; it is on the page and in the closing table."""
    directory = held.finished.directory
    rows = [float(row["response_latency_ms"]) / 1000 for row in held.finished.rows if row["response_latency_ms"]]
    written = read_json(directory / "summary.json")["turn_taking"]
    latency = written["metrics"]["response_latency"]
    assert (written["calls"], written["unread"], latency["events"]) == (1, {}, len(rows))
    assert latency["value"] == pytest.approx(fmean(rows), abs=0.002)
    assert written["eva"]["eva_turn_taking"]["events"] == 1
    assert written["full_duplex_bench"]["fdb_response_latency"]["events"] >= len(rows)
    assert "response_latency" in held.finished.out + held.finished.err
    assert "Beside published systems" in (directory / "report.html").read_text(encoding="utf-8")
    (directory / "summary.json").unlink()
    report_run(RunDirectory(directory))
    assert read_json(directory / "summary.json")["turn_taking"] == written


@pytest.mark.parametrize("mode", ["walk", "run"])
def test_a_gate_on_turn_taking_needs_full_duplex(cli: Cli, mode: str) -> None:
    """It is refused in a sentence where turns are the client's."""
    manual = cli("check", f"mode={mode}", "gate.turn_taking.min_yield_rate=0.9")
    assert manual.code == 2
    assert "gate.turn_taking.min_yield_rate: 0.9, but with turn_detection=none" in manual.err


@pytest.mark.parametrize("mode", ["crawl", "walk"])
def test_one_utterance_is_answered_in_full_duplex(cli: Cli, runs: dict[str, Finished], mode: str) -> None:
    """With a silence that cuts nothing it is one turn, and graded as with the client's turns; the run has its gates."""
    duplex = runs[mode]
    manual = cli(f"mode={mode}", *UTTERANCE)
    assert (duplex.code, manual.code) == (0, 0), duplex.err
    (row,), (plain,) = duplex.rows, manual.rows
    graded = ("pred_tool_call", "pred_tool_call_arg", "grade", "passed")
    assert [row[name] for name in graded] == [plain[name] for name in graded]
    assert (row["detected_turns"], plain["detected_turns"]) == ("1.0", "")
    assert float(row["response_latency_ms"]) > 1200
    found = duplex.summary["turn_taking"]
    assert (found["calls"], found["unread"], found["metrics"]["response_latency"]["events"]) == (1, {}, 1)
    assert [gate["passed"] for gate in duplex.summary["gates"]] == [True]
    assert "response_latency" in duplex.out + duplex.err
    record = read_json(duplex.directory / "records" / f"{row['example_id']}.json")
    assert {"conversation_audio_path", "uplink_audio_path", "downlink_audio_path"} <= set(record["artifacts"])
    sent = {event["type"] for event in read_events(duplex.directory, row["example_id"]) if event["direction"] == "sent"}
    assert not {"input_audio_buffer.commit", "response.create"} & sent


@pytest.mark.parametrize("mode", ["crawl", "walk"])
def test_a_sweep_compares_who_takes_the_turns(cold_cli: Cli, mode: str) -> None:
    """Three jobs of the same cases, two of them in full duplex."""
    planned = cold_cli("check", "-m", f"mode={mode}", "turn_detection=none,server_vad,semantic_vad", "max_examples=2")
    assert planned.code == 0, planned.err
    jobs = [line for line in planned.out.splitlines() if line.startswith("job ")]
    assert ["real time" in job for job in jobs] == [False, True, True]
    assert [f"full duplex ({kind})" in jobs[at] for at, kind in ((1, "server_vad"), (2, "semantic_vad"))] == [True] * 2
