"""Simulated calls over real sockets with real engines: every shipped simulation, twice the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import Cli, Finished, read_events, read_json

from evalkit.modes.voice.layouts import RUN_LAYOUT

SHIPPED = 16
DEFECTS = {
    "local-caller-swaps-roles": "role_swap",
    "local-caller-silent": "silence",
    "local-caller-leaks": "leaked_instructions",
    "local-caller-invents": "invented_fact",
    "local-caller-repeats": "repetition",
}


@pytest.fixture(scope="module")
def finished(warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """All shipped simulations, eight at a time: the paced ones come last, and wait."""
    cli = Cli(tmp_path_factory.mktemp("run"), warm_env)
    return cli("mode=run", "concurrency=8")


def _records(run: Path) -> dict[str, Any]:
    return {path.stem: read_json(path) for path in sorted((run / "records").glob("*.json"))}


def _transcripts(run: Path) -> dict[str, list[str]]:
    """Return the conversations, without the ids that a server gives to calls."""
    found = {}
    for path in sorted((run / "conversations").glob("*.txt")):
        lines = []
        for line in path.read_text(encoding="utf-8").splitlines():
            head, _, rest = line.partition(": ")
            if head.endswith(("TOOL_CALL", "TOOL_OUTPUT")):
                told = json.loads(rest)
                del told["call_id"]
                rest = json.dumps(told)
            lines.append(f"{head}: {rest}")
        found[path.stem] = lines
    return found


def _grades(run: Path) -> list[tuple[Any, ...]]:
    lines = [json.loads(line) for line in (run / "grades.jsonl").read_text(encoding="utf-8").splitlines()]
    return sorted(
        (line["key"], str(line["turn_index"]), line["grader_id"], line["grade"], line["rationale"]) for line in lines
    )


def test_every_shipped_simulation_completes(finished: Finished) -> None:
    """No call is lost, each ends as calls do, and the directory holds what the contract lists."""
    assert finished.code == 0, finished.err
    records = _records(finished.directory)
    assert len(records) == SHIPPED
    assert {key: record["failure"] for key, record in records.items() if record["failure"]} == {}
    assert {record["notes"]["ended_by"] for record in records.values()} <= {"caller", "max_turns"}
    for key, record in records.items():
        folder = finished.directory / "audio" / key
        for turn in record["turns"]:
            index = turn["turn_index"]
            assert (folder / f"turn_{index:02d}_user.wav").is_file()
            assert (folder / f"turn_{index:02d}_assistant.wav").is_file()
        assert (folder / "conversation.wav").is_file()
        assert (finished.directory / "conversations" / f"{key}.txt").is_file()


def test_the_table_has_a_row_per_turn_with_the_contracts_columns(finished: Finished) -> None:
    """In order, and its paths can be opened."""
    columns = list(finished.rows[0])
    assert tuple(columns[: len(RUN_LAYOUT.columns)]) == RUN_LAYOUT.columns
    assert len(finished.rows) == sum(len(record["turns"]) for record in _records(finished.directory).values())
    for row in finished.rows:
        assert row["assistant_model"] == "local-agent"
        assert row["simulator_model"] == "local-caller"
        for column in ("user_audio_path", "assistant_audio_path", "event_log_path"):
            assert Path(row[column]).is_file()


def test_each_call_is_graded(finished: Finished) -> None:
    """Every simulation has a grade for its tool calls, and its own graders have columns."""
    graded = {row["simulation_id"] for row in finished.rows if row["tool_call_correctness"]}
    assert len(graded) == SHIPPED
    assert "tools_in_order_grade" in finished.rows[0]
    assert finished.summary["simulator"]["lost_cases"] == 0


def test_every_tool_call_has_exactly_one_output(finished: Finished) -> None:
    """In the order of the calls, and after them."""
    called = 0
    for record in _records(finished.directory).values():
        for turn in record["turns"]:
            waiting: list[str] = []
            for step in turn["steps"]:
                if step["kind"] == "tool_call":
                    waiting.append(step["call_id"])
                    called += 1
                elif step["kind"] == "tool_output":
                    assert step["call_id"] == waiting.pop(0)
            assert waiting == []
    assert called


def test_records_and_transcripts_tell_the_same_order(finished: Finished) -> None:
    """The words, calls and outputs of a record come as they do in the call's lines of text."""
    kinds = {"ASSISTANT": "words", "TOOL_CALL": "tool_call", "TOOL_OUTPUT": "tool_output"}
    lines = _transcripts(finished.directory)
    for key, record in _records(finished.directory).items():
        told = [line.split(": ")[0].split() for line in lines[key]]
        assert [(int(turn), kinds[kind]) for _, turn, kind in told if kind != "USER"] == [
            (turn["turn_index"], step["kind"]) for turn in record["turns"] for step in turn["steps"]
        ]


def test_the_first_turn_is_fixed_and_the_last_word_is_not_played(finished: Finished) -> None:
    """Word for word as the file has it; END_CALL is in no turn."""
    for record in _records(finished.directory).values():
        assert record["turns"][0]["user_text"] == record["case"]["inputs"]["first_user_turn"]
        assert all("END_CALL" not in turn["user_text"] for turn in record["turns"])


def test_files_in_the_older_format_do_not_choose_the_embedded_models(finished: Finished) -> None:
    """Their gpt-realtime is overruled, a log line of each says so, and their pacing holds where the config is null."""
    log = (finished.directory / "evalkit.log").read_text(encoding="utf-8")
    for key in ("sim_old_gift_card", "sim_old_return"):
        (line,) = [line for line in log.splitlines() if f"{key}: the run config wins" in line]
        assert "assistant.model=gpt-realtime (in effect: local-agent)" in line
        record = read_json(finished.directory / "records" / f"{key}.json")
        assert record["settings"]["assistant"]["model"] == "local-agent"
        assert (record["settings"]["real_time"], record["notes"]["timeline"]) == (True, "paced")


def test_the_same_run_again_at_another_concurrency_says_and_grades_the_same(cli: Cli, finished: Finished) -> None:
    """Same seed, same machine: every line of every conversation, every grade and its reason."""
    again = cli("mode=run", "concurrency=7", "real_time=false", "report.plots=false")
    assert again.code == 0, again.err
    assert _transcripts(again.directory) == _transcripts(finished.directory)
    assert _grades(again.directory) == _grades(finished.directory)


@pytest.fixture(scope="module")
def defective(warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A sweep over the callers with one defect each, two calls with each; model -> run directory."""
    cli = Cli(tmp_path_factory.mktemp("defects"), warm_env)
    done = cli("-m", "mode=run", f"simulator.model={','.join(DEFECTS)}", "max_examples=2", "report.plots=false")
    assert done.code == 0, done.err
    jobs = [json.loads(line) for line in (done.directory / "index.jsonl").read_text().splitlines()]
    return {model: Path(job["directory"]) for model, job in zip(DEFECTS, jobs, strict=True)}


@pytest.mark.parametrize(("model", "problem"), DEFECTS.items(), ids=list(DEFECTS))
def test_a_caller_with_a_defect_is_blamed_and_costs_the_assistant_nothing(
    defective: dict[str, Path], model: str, problem: str
) -> None:
    """Every such case is the simulator's, none is graded, and the bounds show what they could have changed."""
    records = _records(defective[model]).values()
    assert [record["fault"] for record in records] == ["simulator"] * 2
    for record in records:
        assert record["failure"]["stage"] == "simulator_turn"
        assert record["failure"]["error_type"] == problem
        assert len(record["notes"]["simulator"]["attempts"]) >= 3
    summary = read_json(defective[model] / "summary.json")
    assert "grade_mean" not in summary
    assert summary["excluded"] == {"simulator": 2}
    assert summary["score_bounds"] == [0, 1]
    assert summary["simulator"]["lost_share"] == 1


def test_a_line_changes_what_the_assistant_hears(cli: Cli) -> None:
    """channel= works as in crawl and walk, and the clean turn is kept beside."""
    done = cli("mode=run", "channel=telephone", "max_examples=1", "report.plots=false")
    assert done.code == 0, done.err
    (record,) = _records(done.directory).values()
    for turn in record["turns"]:
        heard, said = (done.directory / turn["artifacts"][f"{side}_audio_path"] for side in ("user", "clean_user"))
        assert heard.read_bytes() != said.read_bytes()


def test_a_text_caller_holds_the_same_call(cli: Cli, finished: Finished) -> None:
    """simulator.kind=text: the words of a text model, spoken by the speech role; no second realtime session."""
    done = cli("mode=run", "simulator.kind=text", "max_examples=1", "report.plots=false")
    assert done.code == 0, done.err
    (key,) = _transcripts(done.directory)
    assert _transcripts(done.directory)[key] == _transcripts(finished.directory)[key]
    assert {event["source"] for event in read_events(done.directory, key)} == {"assistant"}


def test_a_judge_of_the_callers_turns_is_asked_noted_and_paid_for(cli: Cli, finished: Finished) -> None:
    """simulator.judge_turns=true: the embedded judge abstains, which blocks no turn and stands in each attempt."""
    done = cli("mode=run", "simulator.judge_turns=true", "max_examples=2", "report.plots=false")
    assert done.code == 0, done.err
    assert _transcripts(done.directory).items() <= _transcripts(finished.directory).items()
    notes = []
    for record in _records(done.directory).values():
        assert record["failure"] is None
        judged = [attempt["judge"] for attempt in record["notes"]["simulator"]["attempts"] if attempt["judge"]]
        # A call that the caller ends after its fixed turn has nothing to judge.
        assert record["cost_usd"].get("judge") == (0 if judged else None)
        notes += judged
    assert notes
    assert all(note.startswith("no verdict: no rule knows") for note in notes)


def test_tools_that_fail_at_first_are_recorded(cli: Cli) -> None:
    """tool_mocks=flaky: the first answer of each tool is the overlay's."""
    done = cli("mode=run", "tool_mocks=flaky", "max_examples=1", "report.plots=false")
    assert done.code == 0, done.err
    (record,) = _records(done.directory).values()
    assert record["notes"]["tool_answers"][0]["answered_by"] == "overlay"


def test_trials_and_callers_are_swept(cli: Cli) -> None:
    """-m simulator=…: each style in its own job, trials with files of their own."""
    done = cli("-m", "mode=run", "simulator=default,impatient", "trials=2", "max_examples=1", "report.plots=false")
    assert done.code == 0, done.err
    jobs = [json.loads(line) for line in (done.directory / "index.jsonl").read_text().splitlines()]
    assert len(jobs) == 2
    for job in jobs:
        keys = set(_records(Path(job["directory"])))
        assert keys == {"sim_support_order_status", "sim_support_order_status.t2"}


def test_a_stored_run_can_change_its_mode(cli: Cli, finished: Finished) -> None:
    """A crawl again as simulated calls, with the simulations' own assistants; and calls again as they were."""
    crawl = cli("max_examples=1", "report.plots=false", "assistant.voice=cedar")
    done = cli("rerun", str(crawl.directory), "mode=run")
    assert done.code == 0, done.err
    (record,) = _records(done.directory).values()
    assert (record["case"]["mode"], record["settings"]["assistant"]["voice"]) == ("run", "cedar")
    assert yaml.safe_load((done.directory / "config.yaml").read_text())["assistant"]["system_prompt_file"] is None
    again = cli("rerun", str(finished.directory), "max_examples=1", "report.plots=false")
    assert again.code == 0, again.err
    assert _transcripts(again.directory).items() <= _transcripts(finished.directory).items()


def test_hosted_models_need_a_key_and_nothing_else(cli: Cli, service_url: str) -> None:
    """provider=openai with its own address in place of the hosted one: same command, the files' model names hold."""
    refused = cli("check", "mode=run", "provider=openai")
    assert refused.code == 2
    assert "OPENAI_API_KEY" in refused.err
    done = cli(
        "mode=run", "provider=openai", f"provider.base_url={service_url}", "assistant.model=local-agent",
        "simulator.model=local-caller", "speech.model=local-speech", "judge.model=local-judge",
        "provider.models.transcription=local-transcription", "real_time=false", "max_examples=1", "report.plots=false",
        OPENAI_API_KEY="sk-canary-0123456789abcdefghijklmnop",
    )  # fmt: skip
    assert done.code == 0, done.err
    (record,) = _records(done.directory).values()
    assert record["fault"] is None


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["assistant=simulation"], "assistant.system_prompt_file: null, but mode=crawl has no simulations"),
        (["mode=run", "mode.answer_tools=false"], "mode.answer_tools: false"),
        (["mode=run", "simulator.kind=robot"], "realtime | text"),
        (["mode=run", "mode.data_csv=nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(cli: Cli, args: list[str], message: str) -> None:
    """Exit 2, in words, and nothing is left behind."""
    done = cli(*args)
    assert done.code == 2
    assert message in done.err
    assert not (cli.cwd / "outputs").exists()
