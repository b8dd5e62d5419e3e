"""``evalkit lab``: what its line may say, and what it answers to a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from stored_runs import write_crawl

from evalkit.commands import lab
from evalkit.commands.lab import main
from evalkit.errors import ConfigError
from evalkit.lab.index.queries import open_index
from evalkit.lab.index.rows import RunQuery
from evalkit.lab.settings import LabSettings


def _settled(monkeypatch: pytest.MonkeyPatch, *args: str) -> LabSettings:
    """Return what a lab would be started with."""
    found: list[LabSettings] = []
    monkeypatch.setattr("evalkit.lab.serving.serve", lambda settings, _: found.append(settings))
    assert main(args) == 0
    return found[0]


def test_by_default_it_serves_outputs_to_this_machine_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its own folder lies in there, so that a second lab over it finds the same index."""
    monkeypatch.chdir(tmp_path)
    outputs = tmp_path / "outputs"
    assert _settled(monkeypatch) == LabSettings(folders=(outputs,), home=outputs / ".lab", working_dir=tmp_path)


def test_its_line_says_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Folders with an = in their names are folders."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b=c"):
        (tmp_path / name).mkdir()
    line = "a b=c a --host 0.0.0.0 --port 0 --read-only --allow-paths --at-once 3 --home h lab.database_url=sqlite://"
    assert _settled(monkeypatch, *line.split()) == LabSettings(
        folders=(tmp_path / "a", tmp_path / "b=c"),
        home=tmp_path / "h",
        working_dir=tmp_path,
        host="0.0.0.0",
        port=0,
        database_url="sqlite://",
        read_only=True,
        allow_paths=True,
        at_once=3,
    )


def test_its_index_is_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it answers; what it found is told."""
    write_crawl(tmp_path / "outputs" / "run")
    monkeypatch.chdir(tmp_path)
    settings = _settled(monkeypatch, "--reindex")
    assert capsys.readouterr().err == "1 runs indexed\n"
    index = open_index(settings)
    assert index.list_runs(RunQuery()).total == 1
    index.close()


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["nowhere"], "nowhere is no folder; name one that holds runs"),
        (["a_run"], "is a run; name the folder that holds it"),
        (["lab.databse_url=x"], "unknown key; did you mean 'lab.database_url'"),
        (["--port", "70000"], "--port 70000 is not allowed; expected 0 to 65535"),
        (["--port", "x"], "--port: 'x' is not allowed; expected a whole number"),
        (["--at-once", "0"], "--at-once 0 is not allowed; expected 1 or more"),
        (["--read-onyl"], "--read-onyl: unknown flag; did you mean '--read-only'"),
    ],
)
def test_a_wrong_line_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, args: list[str], problem: str
) -> None:
    """Before anything is made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_run").mkdir()
    (tmp_path / "a_run" / "provenance.json").touch()
    with pytest.raises(ConfigError) as caught:
        main(args)
    assert problem in str(caught.value)
    assert not (tmp_path / "outputs").exists()


def test_what_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In one message."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lab, "find_spec", lambda name: None if name in ("fastapi", "pyarrow") else name)
    with pytest.raises(ConfigError, match=r"not installed: fastapi, pyarrow; .*pip install '\.\[lab\]'"):
        main([])
