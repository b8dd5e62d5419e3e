"""Runs and sweeps that are kept on a real S3 server: made, killed, resumed, read elsewhere; and the storage away."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from harness import Cli, Finished, at_once, command, read_rows
from lab_process import lab_process
from object_storage import S3Server

pytestmark = pytest.mark.skipif(
    not (find_spec("s3fs") and find_spec("moto") and find_spec("flask")),
    reason="an S3 server to test with needs moto[s3], flask and flask-cors, and the extra s3",
)

KEY, SECRET = "AKIACANARYKEY0123456", "canary/secret+0123456789abcdefghijklmnopq"
BUCKET = "s3://runs/mine"
# Quick, and all that a run has: records, journal, grades and reports.
QUICK = ("mode=crawl", "input=text", "max_examples=2", "report.plots=false")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server with one bucket."""
    server = S3Server(tmp_path_factory.mktemp("s3") / "log")
    server.make_bucket("runs")
    yield server
    server.close()


@pytest.fixture
def remote(cli: Cli, server: S3Server) -> Cli:
    """The command, with the storage's key in its environment."""
    return replace(cli, env={**cli.env, **server.environment(KEY, SECRET)})


def _elsewhere(remote: Cli, tmp_path: Path) -> Cli:
    """Return the command on another machine, as far as that is a folder without any local copy."""
    folder = tmp_path / "elsewhere"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return replace(remote, cwd=folder)


def _address(done: Finished) -> str:
    return done.out.splitlines()[-1]


def _local(cli: Cli, address: str) -> Path:
    return cli.cwd / "outputs" / "object_storage" / "s3" / address.removeprefix("s3://")


def _require_no_canary(*roots: Path, texts: tuple[str, ...] = ()) -> None:
    for path in (path for root in roots for path in root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert KEY.encode() not in content, path
        assert SECRET.encode() not in content, path
    assert not any(word in text for text in texts for word in (KEY, SECRET))


def test_a_run_is_kept_read_and_graded_on_the_storage(remote: Cli, server: S3Server, tmp_path: Path) -> None:
    """The address is on stdout, the run is there, whole; other machines read it, and what they write is there too."""
    done = remote(*QUICK, f"output_dir={BUCKET}")
    assert done.code == 0, done.err
    address = _address(done)
    assert address.startswith(f"{BUCKET}/20")
    assert len(done.out.splitlines()) == 1
    here = _local(remote, address)
    assert len(read_rows(here)) == 2
    objects = server.objects(address)
    assert {"status.json", "journal.jsonl", "config.yaml", ".hydra/config.yaml", "results.csv"} <= objects.keys()
    assert not {".lock", ".uploaded.json"} & objects.keys()
    for name in objects:
        assert server.read(f"{address}/{name}") == (here / name).read_bytes(), name
    other = _elsewhere(remote, tmp_path)
    before = objects["report.html"]["LastModified"]
    scored = other("score", address, "mode.graders=[tool_call]")
    assert scored.code == 0, scored.err
    assert _address(scored) == address
    assert server.objects(address)["report.html"]["LastModified"] > before
    assert b'"scored"' not in (here / "provenance.json").read_bytes()
    reported = remote("report", address)
    assert (reported.code, reported.out) == (0, f"{address}\n")
    assert (here / "grades.jsonl").read_bytes() == (_local(other, address) / "grades.jsonl").read_bytes()
    again = remote("rerun", address, "seed=2", "max_examples=1")
    assert again.code == 0, again.err
    assert _address(again) != address
    compared = other("compare", address, _address(again), "--fail-on", "never")
    assert compared.code == 0, compared.err
    provenance = json.loads(server.read(f"{_address(again)}/provenance.json"))
    assert provenance["parent_run_id"] == json.loads(server.read(f"{address}/provenance.json"))["run_id"]
    _require_no_canary(remote.cwd, texts=(done.out, done.err, scored.err, reported.err, again.err, compared.out))


def test_a_killed_sweep_is_finished_here_and_anywhere(remote: Cli, server: S3Server, tmp_path: Path) -> None:
    """-9 in the middle: jobs that had ended are on the storage, and are paid for once, also on another machine."""
    line = [*command(), "-m", *QUICK, "max_examples=12", "concurrency=1", "seed=1,2,3", f"output_dir={BUCKET}"]
    with subprocess.Popen(
        line,
        cwd=remote.cwd,
        env=remote.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        until = time.monotonic() + 60
        while time.monotonic() < until and not any(
            name.startswith("sweeps/") and "/0_" in name and name.endswith("/status.json")
            for name in server.objects(BUCKET)
        ):
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    (root,) = {"/".join(name.split("/")[:2]) for name in server.objects(BUCKET) if name.startswith("sweeps/")}
    address = f"{BUCKET}/{root}"
    other = _elsewhere(remote, tmp_path)
    standing = other("report", address)
    assert (standing.code, standing.out) == (0, f"{address}\n"), standing.err
    first = {
        name: told["ETag"]
        for name, told in server.objects(address).items()
        if name.startswith("0_") and "/records/" in name
    }
    assert len(first) == 12
    resumed = other("resume", address)
    assert resumed.code == 0, resumed.err
    assert _address(resumed) == address
    assert "3 of 3 jobs completed" in resumed.err
    objects = server.objects(address)
    assert {name: objects[name]["ETag"] for name in first} == first
    index = [json.loads(entry) for entry in server.read(f"{address}/index.jsonl").splitlines()]
    assert [entry["status"] for entry in index] == ["completed"] * 3
    names = [Path(entry["directory"]).name for entry in index]
    journal = server.read(f"{address}/{names[0]}/journal.jsonl").splitlines()
    assert sum(json.loads(entry)["event"] == "started" for entry in journal) == 12
    compared = other("compare", f"{address}/{names[0]}", f"{address}/{names[2]}", "--fail-on", "never")
    assert compared.code == 0, compared.err
    _require_no_canary(remote.cwd, texts=(resumed.err, resumed.out, standing.err, compared.out))


def test_what_the_storage_does_not_take_is_kept_and_uploaded_later(remote: Cli, server: S3Server) -> None:
    """The storage goes away in the middle of a sweep: exit 3, one sentence, nothing lost; one command uploads it."""
    line = [*command(), "-m", *QUICK, "max_examples=6", "concurrency=1", "seed=1,2", f"output_dir={BUCKET}/away"]
    away = _local(remote, f"{BUCKET}/away")
    with subprocess.Popen(
        line, cwd=remote.cwd, env=remote.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + 60
        while time.monotonic() < until and not list(away.glob("sweeps/*/0_*/journal.jsonl")):
            time.sleep(0.02)
        server.line.cut()
        try:
            out, err = process.communicate(timeout=120)
        finally:
            server.line.mend()
    assert process.returncode == 3, err
    address = out.strip()
    assert "2 of 2 jobs completed" in err
    assert "does not answer (EndpointConnectionError)" in err
    assert f"upload it with: evalkit report {address}" in err
    assert not [name for name in server.objects(address) if name.endswith("status.json")]
    assert [len(read_rows(folder)) for folder in sorted(_local(remote, address).glob("[01]_*"))] == [6, 6]
    later = remote("report", address)
    assert later.code == 0, later.err
    assert len([name for name in server.objects(address) if name.endswith("status.json")]) == 2
    _require_no_canary(remote.cwd, texts=(out, err, later.err))


def test_an_interrupted_run_is_uploaded_and_finished_elsewhere(remote: Cli, server: S3Server, tmp_path: Path) -> None:
    """What was paid for is on the storage, with a status that says so."""
    line = [*command(), *QUICK, "max_examples=40", "concurrency=1", f"output_dir={BUCKET}"]
    with subprocess.Popen(
        line, cwd=remote.cwd, env=remote.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + 60
        while time.monotonic() < until and not any(
            '"finished"' in path.read_text() for path in _local(remote, BUCKET).glob("20*/*/journal.jsonl")
        ):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    address = out.strip()
    assert f"evalkit resume {address}" in err
    assert json.loads(server.read(f"{address}/status.json"))["status"] == "interrupted"
    other = _elsewhere(remote, tmp_path)
    resumed = other("resume", address)
    assert resumed.code == 0, resumed.err
    assert resumed.out == f"{address}\n"
    assert json.loads(server.read(f"{address}/status.json"))["counts"]["finished"] == len(
        read_rows(_local(other, address))
    )


def test_what_cannot_be_written_is_said_before_anything_begins(remote: Cli) -> None:
    """One sentence, exit 2, nothing left behind."""
    wrong = (
        ("s3://no-such-bucket/x", {}, "there is no bucket 'no-such-bucket' at http://127.0.0.1:"),
        (BUCKET, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:9 does not answer"),
        (BUCKET, {"AWS_PROFILE": "nobody"}, "no key was found"),
    )
    ended = at_once(*(partial(remote, *QUICK, f"output_dir={output_dir}", **env) for output_dir, env, _ in wrong))
    for done, (_, _, words) in zip(ended, wrong, strict=True):
        assert done.code == 2, done.err
        assert words in done.err
        assert len(done.err.splitlines()) == 1
    assert not (remote.cwd / "outputs").exists()


def test_a_key_that_is_not_known_is_said(remote: Cli, server: S3Server) -> None:
    """The server refuses it; for a run as for a command that reads."""
    server.demand_keys(demanded=True)
    try:
        ended = at_once(partial(remote, *QUICK, f"output_dir={BUCKET}"), partial(remote, "report", f"{BUCKET}/some"))
    finally:
        server.demand_keys(demanded=False)
    for done in ended:
        assert done.code == 2, done.err
        assert "does not accept the key (InvalidAccessKeyId)" in done.err
        assert len(done.err.splitlines()) == 1
        _require_no_canary(remote.cwd, texts=(done.err,))


def test_check_names_what_it_can_and_says_what_it_did_not(remote: Cli) -> None:
    """It calls nobody, not even the storage: a bad address is named, a good one is not asked."""
    bad, good, nothing = at_once(
        partial(remote, "check", *QUICK, "output_dir=s3://runs/../x"),
        partial(remote, "check", *QUICK, "output_dir=s3://no-such-bucket/x"),
        partial(remote, "report", f"{BUCKET}/nothing"),
    )
    assert (bad.code, "is not an address on object storage" in bad.err) == (2, True)
    assert good.code == 0, good.err
    assert "warning: output_dir: s3://no-such-bucket/x was not asked" in good.out
    assert (nothing.code, "nothing lies there" in nothing.err) == (2, True)


def test_the_lab_shows_what_another_machine_has_uploaded(remote: Cli, server: S3Server, tmp_path: Path) -> None:
    """Over an address it shows a run that another machine has uploaded, with nothing of it here before."""
    done = remote(*QUICK, "max_examples=1", "run_name=seen", f"output_dir={BUCKET}/lab")
    assert done.code == 0, done.err
    other = _elsewhere(remote, tmp_path)
    with lab_process(other.cwd, f"{BUCKET}/lab", "--read-only", environ=other.env) as lab, lab.client() as client:
        until = time.monotonic() + 30
        names: list[str] = []
        while time.monotonic() < until and not names:
            names = [run["name"] for run in client.get("/runs").json()["runs"]]
            time.sleep(0.1)
    assert names == ["seen"]
    _require_no_canary(other.cwd)
