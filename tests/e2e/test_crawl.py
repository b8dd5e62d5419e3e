"""A crawl over real sockets with real speech leaves a complete, truthful and reproducible run directory."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path

import psutil
import pytest
from harness import Cli, Finished, command, read_events, read_json, read_rows

from evalkit.modes.voice.layouts import CRAWL_LAYOUT
from evalkit.store.run_directory import RunDirectory

CANARY = "sk-canary-0123456789abcdefghijklmnop"


@pytest.fixture(scope="module")
def finished(warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One crawl of the first six shipped cases, with a key in the environment that must appear nowhere."""
    cli = Cli(tmp_path_factory.mktemp("crawl"), warm_env)
    return cli("max_examples=6", OPENAI_API_KEY=CANARY)


def test_the_run_directory_is_complete(finished: Finished) -> None:
    """Exit 0, the directory on stdout, every file of the contract, nothing on stdout beside."""
    assert finished.code == 0, finished.err
    run = finished.directory
    assert finished.out == f"{run}\n"
    for name in (
        "config.yaml", "provenance.json", "status.json", "journal.jsonl", "grades.jsonl", "results.csv", "summary.json",
        "evalkit.log", ".hydra/config.yaml", ".hydra/overrides.yaml", "plots/scorecard.png",
        "plots/latency.png", "plots/cost.png", "report.html",
    ):  # fmt: skip
        assert (run / name).is_file(), name
    assert read_json(run / "status.json")["status"] == "completed"
    keys = [row["example_id"] for row in finished.rows]
    for key in keys:
        for name in (f"records/{key}.json", f"events/{key}.jsonl", f"audio/{key}/input.wav", f"audio/{key}/output.wav"):
            assert (run / name).is_file(), name
    assert read_json(run / "provenance.json")["case_trials"] == keys


def test_what_was_heard_stands_beside_what_was_said(finished: Finished) -> None:
    """The embedded recogniser tells it of itself, and the words that carry arguments are followed through it."""
    assert all(row["heard_text"] for row in finished.rows)
    followed = [row for row in finished.rows if row["argument_words"]]
    assert followed
    assert all(int(row["misheard_words"]) <= int(row["argument_words"]) for row in followed)
    assert finished.summary["arguments"]["words"] == sum(int(row["argument_words"]) for row in followed)


def test_every_file_is_documented(finished: Finished) -> None:
    """docs/run-directory.md names whatever a run leaves."""
    page = (Path(__file__).parents[2] / "docs" / "run-directory.md").read_text(encoding="utf-8")
    tables = page.partition("## How a run stands")[0]
    names = [
        name for row in re.findall(r"^\| (`.+?) \|", tables, re.MULTILINE) for name in re.findall("`([^`]+)`", row)
    ]
    patterns = [re.sub("<[a-z]+>", "*", name) + "*" * name.endswith("/") for name in names]
    files = [
        path.relative_to(finished.directory).as_posix() for path in finished.directory.rglob("*") if path.is_file()
    ]
    assert files
    assert [file for file in files if not any(fnmatchcase(file, pattern) for pattern in patterns)] == []


def test_the_columns_are_those_of_the_contract(finished: Finished) -> None:
    """In order, the cookbook's first, then ours."""
    columns = list(finished.rows[0])
    promised = [*CRAWL_LAYOUT.columns, *CRAWL_LAYOUT.own_columns]
    assert columns[: len(promised)] == promised


def test_paths_in_the_table_exist_as_written(finished: Finished) -> None:
    """A reader with any working directory can open them."""
    for row in finished.rows:
        for column in ("event_log_path", "input_audio_path", "output_audio_path"):
            assert Path(row[column]).is_file()


def test_the_journal_holds_every_case_and_the_hash_of_its_record(finished: Finished) -> None:
    """What is not in the journal did not happen; what is, can be checked."""
    lines = [json.loads(line) for line in (finished.directory / "journal.jsonl").read_text().splitlines()]
    run_id = json.loads((finished.directory / "provenance.json").read_text())["run_id"]
    assert [lines[0][name] for name in ("event", "run_id", "planned")] == ["began", run_id, 6]
    assert [lines[-1][name] for name in ("event", "status", "exit_code")] == ["ended", "completed", 0]
    told = {line["key"]: line["passed"] for line in lines if line["event"] == "graded"}
    summary = json.loads((finished.directory / "summary.json").read_text())
    assert sum(map(bool, told.values())) / 6 == pytest.approx(summary["passed_mean"])
    done = {line["key"]: line["record_sha256"] for line in lines if line["event"] == "finished"}
    assert len(done) == 6
    for key, expected in done.items():
        content = (finished.directory / "records" / f"{key}.json").read_bytes()
        assert hashlib.sha256(content).hexdigest() == expected


def test_a_key_in_the_environment_reaches_no_file(finished: Finished) -> None:
    """No config, log, trace, record or name holds it."""
    for path in finished.directory.rglob("*"):
        assert CANARY not in str(path)
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path
    assert CANARY not in finished.err + finished.out


def test_a_key_that_is_used_reaches_no_file_either(cli: Cli, service_url: str) -> None:
    """Also when it travels in every request and a library might quote it."""
    done = cli(
        "provider=openai", f"provider.base_url={service_url}",
        "assistant.model=local-agent", "speech.model=local-speech",
        "provider.models.transcription=local-transcription", "max_examples=1",
        OPENAI_API_KEY=CANARY,
    )  # fmt: skip
    assert done.code == 0, done.err
    for path in done.directory.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(("chunk_ms", "chunk_bytes"), [(20, 960), (40, 1920)])
def test_chunk_ms_changes_the_wire(cli: Cli, chunk_ms: int, chunk_bytes: int) -> None:
    """Every chunk but the last has the bytes of its duration, and together they are the input, byte for byte."""
    done = cli(f"chunk_ms={chunk_ms}", "max_examples=1", "trace.audio=full", "report.plots=false")
    assert done.code == 0, done.err
    (row,) = done.rows
    sent = [
        base64.b64decode(line["event"]["audio"])
        for line in read_events(done.directory, row["example_id"])
        if line["type"] == "input_audio_buffer.append"
    ]
    assert {len(chunk) for chunk in sent[:-1]} == {chunk_bytes}
    assert 0 < len(sent[-1]) <= chunk_bytes
    wav = Path(row["input_audio_path"]).read_bytes()
    assert wav.endswith(b"".join(sent))
    assert len(wav) - len(b"".join(sent)) < 100


def test_the_same_run_again_at_any_concurrency_gives_the_same_texts_and_grades(cli: Cli, finished: Finished) -> None:
    """Same seed, same config, same machine: one case at a time or eight at once."""
    again = [cli("max_examples=6", f"concurrency={concurrency}", "report.plots=false") for concurrency in (1, 8)]
    stable = [column for column in finished.rows[0] if "path" not in column and "latency" not in column]
    for other in again:
        assert other.code == 0, other.err
        for before, after in zip(finished.rows, other.rows, strict=True):
            for column in stable:
                assert _without_ids(before[column]) == _without_ids(after[column]), column


def test_a_second_run_synthesises_nothing_again(cli: Cli, finished: Finished, cache_dir: Path) -> None:
    """Speech is cached by content."""
    before = sorted(path for path in cache_dir.rglob("*") if path.is_file())
    assert before
    assert cli("max_examples=6", "chunk_ms=40", "report.plots=false").code == 0
    assert sorted(path for path in cache_dir.rglob("*") if path.is_file()) == before


def test_a_service_started_by_hand_gives_the_same_results(cli: Cli, finished: Finished, service_url: str) -> None:
    """provider=compatible with a base_url is the same protocol and the same answers."""
    other = cli("provider=compatible", f"provider.base_url={service_url}", "max_examples=6", "report.plots=false")
    assert other.code == 0, other.err
    for column in ("assistant_text", "pred_tool_call", "pred_tool_call_arg", "grade"):
        assert [row[column] for row in other.rows] == [row[column] for row in finished.rows]


def test_a_port_that_refuses_is_exit_3_with_a_complete_directory(cli: Cli) -> None:
    """Infrastructure is excluded from the score, never a grade of 0, and the directory says so."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    done = cli(
        "provider=compatible",
        f"provider.base_url=http://127.0.0.1:{port}/v1",
        "max_examples=3",
        "limits.max_attempts=1",
    )
    assert done.code == 3
    assert "Traceback" not in done.err
    assert "lost to infrastructure" in done.err
    assert read_json(done.directory / "status.json")["status"] == "failed"
    assert [row["fault"] for row in done.rows] == ["infrastructure"] * 3
    assert [row["grade"] for row in done.rows] == [""] * 3
    assert done.summary["excluded"] == {"infrastructure": 3}
    assert "grade_mean" not in done.summary


def test_trials_repeat_cases_under_their_own_names(cli: Cli) -> None:
    """Trial 1 has no suffix, trial 2 has .t2."""
    done = cli("max_examples=2", "trials=2", "report.plots=false")
    assert done.code == 0, done.err
    assert [row["trial"] for row in done.rows] == ["1", "2", "1", "2"]
    names = {path.stem for path in (done.directory / "records").iterdir()}
    assert len(names) == 4
    assert sum(name.endswith(".t2") for name in names) == 2
    assert set(done.summary["pass_at_k"]) == {"1", "2"}


def test_runs_started_together_have_their_own_directories(cli: Cli) -> None:
    """Three in one second."""
    lines = [*command(), "max_examples=1", "report.plots=false"]
    runs = [
        subprocess.Popen(lines, cwd=cli.cwd, env=cli.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(3)
    ]
    directories = {run.communicate(timeout=120)[0].strip() for run in runs}
    assert len(directories) == 3
    assert all(len(read_rows(Path(directory))) == 1 for directory in directories)


def test_report_makes_the_same_tables_again(cli: Cli, finished: Finished) -> None:
    """Everything derived can be derived again from the records."""
    table = (finished.directory / "results.csv").read_bytes()
    (finished.directory / "results.csv").unlink()
    assert cli("report", str(finished.directory)).code == 0
    assert (finished.directory / "results.csv").read_bytes() == table


def test_rerun_repeats_a_stored_config_with_changes_on_top(cli: Cli, finished: Finished, tmp_path: Path) -> None:
    """From another working directory, with an override, and with another option of a group."""
    line = ("rerun", str(finished.directory), "report.plots=false")
    again = cli(*line, "chunk_ms=40", f"output_dir={tmp_path / 'elsewhere'}")
    assert again.code == 0, again.err
    assert [row["assistant_text"] for row in again.rows] == [row["assistant_text"] for row in finished.rows]
    assert {row["chunk_ms"] for row in again.rows} == {"40"}
    begun, parent = (RunDirectory(done.directory).read_provenance() for done in (again, finished))
    assert (begun["parent_run_id"], parent["parent_run_id"]) == (parent["run_id"], None)
    other = cli(*line, "assistant=clinic", "mode.data_csv=${data:crawl/clinic.csv}")
    assert other.code == 0, other.err
    assert other.summary["tools_file"] != finished.summary["tools_file"]


def test_the_service_starts_on_demand_and_dies_with_its_parent(cold_cli: Cli) -> None:
    """A killed parent, even by kill -9 of the command leaves no orphan."""
    run = subprocess.Popen(
        [*command(), "concurrency=1"],
        cwd=cold_cli.cwd,
        env=cold_cli.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    service = _wait_for_child(run.pid)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    _, alive = psutil.wait_procs([service], timeout=15)
    assert alive == []


@pytest.mark.parametrize("wish", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_and_reports_what_was_finished(cli: Cli, wish: signal.Signals) -> None:
    """Ctrl-C or a polite kill: exit 130, the directory on stdout, tables of the finished cases, no traceback."""
    run = subprocess.Popen(
        [*command(), "concurrency=1"],
        cwd=cli.cwd,
        env=cli.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if sum('"finished"' in path.read_text() for path in cli.cwd.rglob("journal.jsonl")):
            break
        time.sleep(0.1)
    run.send_signal(wish)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert "Traceback" not in err
    directory = Path(out.strip())
    status = read_json(directory / "status.json")
    assert (status["status"], status["exit_code"]) == ("interrupted", 130)
    assert len(read_rows(directory)) == status["counts"]["finished"] >= 1
    summary = read_json(directory / "summary.json")
    assert summary["finished"] < summary["planned"] == status["counts"]["planned"]


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")
def test_it_works_with_the_network_cut_off(cold_cli: Cli) -> None:
    """Nothing is fetched: only loopback is up."""
    probe = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this machine does not allow network namespaces")
    inner = 'ip link set lo up && exec "$@"'
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-c", inner, "sh", *command(), "max_examples=2"],
        cwd=cold_cli.cwd, env=cold_cli.env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(read_rows(Path(done.stdout.strip()))) == 2


def _wait_for_child(pid: int) -> psutil.Process:
    parent = psutil.Process(pid)
    for _ in range(200):
        for child in parent.children(recursive=True):
            if "evalkit.service" in " ".join(child.cmdline()):
                return child
        time.sleep(0.1)
    raise AssertionError("no service was started")


def _without_ids(cell: str) -> str:
    """Return `cell` without what a server names by chance: call ids."""
    if not cell.startswith("[{"):
        return cell
    return json.dumps([{key: value for key, value in item.items() if key != "call_id"} for item in json.loads(cell)])
