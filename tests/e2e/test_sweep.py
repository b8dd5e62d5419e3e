"""A sweep: one directory per job, one index, a truthful exit code, and a defect that shows where it belongs."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
from harness import Cli, command, read_json, read_rows


@pytest.fixture(scope="module")
def sweep(warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documented sweep, on the first eight cases."""
    cli = Cli(tmp_path_factory.mktemp("sweep"), warm_env)
    done = cli("-m", "assistant.model=local-agent,local-wrong-args", "chunk_ms=20,40", "max_examples=8")
    assert done.code == 0, done.err
    assert "4 of 4 jobs completed" in done.err
    return done.directory


def test_four_jobs_four_directories_one_index(sweep: Path) -> None:
    """Each job is found from the index, with its overrides and its own config hash."""
    entries = [json.loads(line) for line in (sweep / "index.jsonl").read_text().splitlines()]
    assert [entry["job"] for entry in entries] == [0, 1, 2, 3]
    assert len({entry["directory"] for entry in entries}) == 4
    assert len({entry["config_sha256"] for entry in entries}) == 4
    for entry in entries:
        assert Path(entry["directory"]).parent == sweep
        assert entry["status"] == "completed"
        assert len(read_rows(Path(entry["directory"]))) == 8


def test_every_entry_of_the_root_is_documented(sweep: Path) -> None:
    """docs/run-directory.md names whatever a sweep leaves beside its jobs' directories."""
    page = (Path(__file__).parents[2] / "docs" / "run-directory.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \|", page.partition("## At the root of a sweep")[2], re.MULTILINE)
    named = {Path(name).parts[0] for row in rows for name in re.findall("`([^`]+)`", row)}
    assert {entry.name for entry in sweep.iterdir() if not entry.name[0].isdigit()} - named == set()


def test_the_sweeps_page_names_the_best_and_leads_to_every_run(sweep: Path) -> None:
    """Both runs of the good agent tie; each job's report is where its link says."""
    page = (sweep / "sweep.html").read_text(encoding="utf-8")
    assert "Jobs 0, 1 tie" in page
    links = re.findall(r'href="([^"]+/report\.html)"', page)
    assert len(links) == 4
    assert all((sweep / unquote(link)).is_file() for link in links)
    assert (sweep / "plots" / "sweep.png").is_file()


def test_the_defect_shows_in_the_arguments_and_nowhere_else(sweep: Path) -> None:
    """local-wrong-args lowers tool_call_arg_correctness, and so grade; every other mean stays where it was."""
    summaries = [read_json(folder / "summary.json") for folder in sorted(sweep.glob("[0-9]_*"))]
    good, bad = summaries[0], summaries[2]
    assert good["model"] == "local-agent"
    assert bad["model"] == "local-wrong-args"
    assert bad["tool_call_arg_correctness_mean"] < good["tool_call_arg_correctness_mean"]
    assert bad["grade_mean"] < good["grade_mean"]
    for metric in ("tool_call_correctness_mean", "audio_text_mismatch_grade_mean"):
        assert bad[metric] == good[metric]


def test_chunking_changes_the_wire_and_not_the_answers(sweep: Path) -> None:
    """The same agent hears the same audio in other pieces."""
    first, second = sorted(sweep.glob("[01]_*"))
    assert [row["assistant_text"] for row in read_rows(first)] == [row["assistant_text"] for row in read_rows(second)]
    assert {row["chunk_ms"] for row in read_rows(first)} == {"20"}
    assert {row["chunk_ms"] for row in read_rows(second)} == {"40"}


def test_a_failing_job_leaves_the_others_complete_and_the_code_says_so(cli: Cli) -> None:
    """One job cannot reach its assistant; the other completes; the sweep returns 3 and names the job."""
    presets = cli.cwd / "mine" / "experiment"
    presets.mkdir(parents=True)
    (presets / "bad.yaml").write_text(
        "# @package _global_\ndefaults: [override /provider@assistant.provider: compatible]\n"
        "assistant: {provider: {base_url: 'http://127.0.0.1:9/v1'}}\nlimits: {max_attempts: 1}\n"
    )
    done = cli("-m", "--config-dir", "mine", "experiment=bad,smoke", "max_examples=1", "report.plots=false")
    assert done.code == 3, done.err
    entries = [json.loads(line) for line in (done.directory / "index.jsonl").read_text().splitlines()]
    assert [entry["status"] for entry in entries] == ["failed", "completed"]
    assert [entry["exit_code"] for entry in entries] == [3, 0]
    assert "1 of 2 jobs completed" in done.err
    assert "experiment=bad" in done.err


def test_an_engine_that_cannot_start_stops_the_line_before_it_leaves_anything(cli: Cli) -> None:
    """Transcription at an endpoint that nobody named: exit 2, nothing behind."""
    done = cli("service.transcription=openai", "max_examples=1")
    assert done.code == 2
    assert "service.base_url" in done.err
    assert not (cli.cwd / "outputs").exists()


def test_an_interrupted_sweep_still_has_its_index(cli: Cli) -> None:
    """The job that was cut off and the one that never began are both in it; exit 130."""
    line = [*command(), "-m", "chunk_ms=20,40", "concurrency=1"]
    sweep = subprocess.Popen(line, cwd=cli.cwd, env=cli.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if sum('"finished"' in path.read_text() for path in cli.cwd.rglob("journal.jsonl")):
            break
        time.sleep(0.1)
    sweep.send_signal(signal.SIGINT)
    out, err = sweep.communicate(timeout=60)
    assert sweep.returncode == 130, err
    entries = [json.loads(line) for line in (Path(out.strip()) / "index.jsonl").read_text().splitlines()]
    assert [entry["status"] for entry in entries] == ["interrupted", "not_started"]


def test_a_sweep_over_domains_means_something(cli: Cli) -> None:
    """The clinic's cases run with the clinic's tools."""
    done = cli("-m", "experiment=clinic,smoke", "max_examples=2", "report.plots=false")
    assert done.code == 0, done.err
    entries = [json.loads(line) for line in (done.directory / "index.jsonl").read_text().splitlines()]
    tools = {read_json(Path(entry["directory"]) / "summary.json")["tools_file"] for entry in entries}
    assert len(tools) == 2


def test_a_model_that_the_embedded_provider_does_not_have_stops_the_line(cli: Cli) -> None:
    """Exit 2 with the nearest name, nothing left behind: no run is needed to know that."""
    done = cli("-m", "assistant.model=local-agent,local-agnet", "max_examples=1")
    assert done.code == 2
    assert "did you mean 'local-agent'?" in done.err
    assert not (cli.cwd / "outputs").exists()


def test_awkward_model_names_make_safe_directories(cli: Cli, service_url: str) -> None:
    """A slash, a comma and a number for a name; the unknown models fail in their records, not in ours."""
    where = ("provider=compatible", f"provider.base_url={service_url}")
    done = cli("-m", 'assistant.model="a/b","c,d",1e5', *where, "max_examples=1", "limits.max_attempts=1")
    assert "Traceback" not in done.err
    folders = sorted(path.name for path in done.directory.glob("[0-9]_*"))
    assert len(folders) == 3
    models = [read_json(folder / "summary.json")["model"] for folder in sorted(done.directory.glob("[0-9]_*"))]
    assert models == ["a/b", "c,d", "1e5"]
