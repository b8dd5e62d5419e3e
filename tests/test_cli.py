"""The command line answers quickly, plainly, and with the documented exit code."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import evalkit
from evalkit.cli import COMMANDS, main
from evalkit.settings.help import CODING_FLAGS, VOICE_FLAGS
from evalkit.settings.schemas import all_keys, mode_names, run_keys


def _ask(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(args)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version, alone on stdout."""
    assert _ask(capsys, "--version") == (0, f"{evalkit.__version__}\n", "")


@pytest.mark.parametrize("flag", ["--help", "-h", "help"])
def test_help_shows_every_key_command_and_group(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    """Generated from the schemas, so nothing can be forgotten."""
    code, out, _ = _ask(capsys, flag)
    assert code == 0
    for word in [*run_keys("crawl"), *COMMANDS, "experiment", "clinic"]:
        assert word in out


def test_help_shows_the_keys_of_the_mode_that_is_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    """Those it has, each of them, and no other; ``all`` shows what every mode has."""
    everything = {f"    {path} " for path in all_keys()}
    for mode in mode_names():
        code, out, _ = _ask(capsys, "--help", f"mode={mode}")
        assert code == 0
        assert {word for word in everything if word in out} == {f"    {path} " for path in run_keys(mode)}
    _, out, _ = _ask(capsys, "--help", "all")
    assert all(word in out for word in everything)


def test_help_for_a_mode_that_is_not_there_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and no page of keys."""
    code, out, err = _ask(capsys, "--help", "mode=wlak")
    assert (code, out) == (2, "")
    assert "did you mean 'walk'?" in err


@pytest.mark.parametrize(
    ("word", "meant"),
    [("run", "evalkit mode=run"), ("crawl", "evalkit mode=crawl"), ("rerum", "'rerun'"), ("chekc", "'check'")],
)
def test_a_near_miss_is_told_what_was_probably_meant(capsys: pytest.CaptureFixture[str], word: str, meant: str) -> None:
    """A bare first word can only be a command."""
    code, out, err = _ask(capsys, word)
    assert (code, out) == (2, "")
    assert meant in err


@pytest.mark.parametrize(("flag", "override"), sorted({**VOICE_FLAGS, **CODING_FLAGS}.items()))
def test_an_older_harness_flag_is_answered_with_the_override(
    capsys: pytest.CaptureFixture[str], flag: str, override: str
) -> None:
    """Everybody's first line from memory gets the line that works."""
    code, _, err = _ask(capsys, flag, "5")
    assert code == 2
    assert override.removeprefix("-m ").format("5") in err


def test_every_old_flag_leads_to_a_key_that_exists() -> None:
    """The advice itself is checked."""
    keys = [key for told in {**VOICE_FLAGS, **CODING_FLAGS}.values() for key in re.findall(r"([a-z_.]+)=", told)]
    assert set(keys) - {*all_keys(), "mode", "provider"} == set()
    assert len(keys) > len(VOICE_FLAGS)


def test_an_unknown_flag_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """No usage page of another program."""
    code, _, err = _ask(capsys, "--frobnicate")
    assert code == 2
    assert "--frobnicate: unknown flag" in err
    assert "Traceback" not in err


def test_a_defect_says_so_and_exits_70(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Our fault is not the user's."""

    def explode(_: object) -> int:
        raise RuntimeError("boom")

    monkeypatch.setattr("evalkit.commands.run.main", explode)
    code, _, err = _ask(capsys, "chunk_ms=20")
    assert code == 70
    assert "defect of evalkit" in err


HEAVY = ("hydra", "omegaconf", "openai", "pandas", "matplotlib", "numpy", "scipy", "rich", "jsonschema", "websockets")


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_quick_answers_import_nothing_heavy(flag: str) -> None:
    """What keeps --help quick is what it does not import; a timed test would only measure the machine."""
    code = (
        "import sys; from evalkit.cli import main; main([sys.argv[1]]); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


UNUSED_BY_CHECK = (
    "httpx2", "openai", "pandas", "matplotlib", "scipy", "jinja2", "rich", "starlette", "rapidfuzz", "dateutil",
    "numpy", "regex", "websockets", "evalkit.audio.g711", "evalkit.compose.slurm_queue",
    "evalkit.modes.voice.spoken_turn", "evalkit.modes.voice.written_turn", "evalkit.peers.peers",
    "evalkit.realtime.session", "evalkit.runner.job", "evalkit.simulator.caller", "evalkit.tool_host.host",
)  # fmt: skip


@pytest.mark.parametrize("mode", ["crawl", "run"])
def test_check_imports_nothing_that_runs_cases_or_shows_them(mode: str) -> None:
    """No client, no table, no picture, nothing that holds a call, and nothing of how the embedded provider thinks."""
    code = (
        f"import sys; from evalkit.cli import main; code = main(['check', 'mode={mode}']);"
        f"names = [*{UNUSED_BY_CHECK!r}, 'evalkit.service.brain', 'evalkit.reports', 'evalkit.engine.scheduler'];"
        "print(code, [name for name in names if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "0 []"


def test_a_run_begins_without_what_asks_and_draws() -> None:
    """A client is loaded for the first request, a picture's library for the first picture."""
    code = (
        "import sys, evalkit.commands.run;"
        "print([n for n in ('openai', 'pandas', 'matplotlib', 'scipy', 'jinja2') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


UNUSED_BY_A_RUN = (
    "evalkit.compose.current_launch", "evalkit.compose.queues", "evalkit.metrics.turn_taking.panel",
    "evalkit.modes.voice.conversation_audio", "evalkit.modes.voice.dialogue", "evalkit.modes.voice.duplex_line",
    "evalkit.realtime.duplex", "evalkit.realtime.gemini_live", "evalkit.realtime.live_call",
    "evalkit.realtime.media_stream.session", "evalkit.reports.page.duplex_timeline", "evalkit.reports.plots.scorecard",
    "evalkit.reports.realism", "evalkit.runner.job_wait", "evalkit.runner.sweep", "evalkit.tool_host.host",
    "matplotlib", "regex", "scipy",
)  # fmt: skip


def test_one_case_loads_neither_sweeps_nor_other_kinds_of_call(tmp_path: Path) -> None:
    """Of a whole run, reports and all: no full duplex, telephone line or simulated caller, and nothing that draws."""
    line = ["max_examples=1", f"output_dir={tmp_path}", "run_name=one"]
    code = (
        f"import sys; from evalkit.cli import main; code = main({line!r});"
        f"print(code, [name for name in {UNUSED_BY_A_RUN!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 []"


def test_planning_a_run_imports_no_client_and_no_plots() -> None:
    """A typo is answered before openai, pandas or matplotlib are loaded."""
    code = (
        "import sys; from evalkit.cli import main; code = main(['chunkms=1']); "
        "print(code, [n for n in ('openai', 'pandas', 'matplotlib', 'starlette') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2 []"


def test_a_file_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the system refuses is one line with the file and the reason, not a traceback."""

    def refuse(_: object) -> int:
        raise PermissionError(13, "Permission denied", "runs/a/summary.json")

    monkeypatch.setattr("evalkit.commands.report.main", refuse)
    code, out, err = _ask(capsys, "report", "runs/a")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "runs/a/summary.json: Permission denied" in err


def test_a_working_directory_that_is_gone_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Somebody removed the folder under our feet."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    code, _, err = _ask(capsys, "max_examples=1")
    assert code == 2
    assert "the working directory cannot be used" in err


@pytest.mark.parametrize(
    ("command", "word"), [("compare", "--margin"), ("resume", "--keep-changed"), ("score", "judge")]
)
def test_a_command_says_what_it_takes(capsys: pytest.CaptureFixture[str], command: str, word: str) -> None:
    """Its own options, not the page of all keys."""
    code, out, _ = _ask(capsys, command, "--help")
    assert code == 0
    assert word in out
    assert f"evalkit {command}" in out.splitlines()[0]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--prot", "3"], "evalkit: service: --prot: unknown flag; did you mean '--port'?"),
        (["--speech", "hibary"], "evalkit: service: --speech: 'hibary' is not an option; did you mean 'hibari'?"),
        (["--port", "many"], "evalkit: service: --port: 'many' is not allowed; expected a whole number"),
        (["mode=crawl"], "evalkit: service: 'mode=crawl' is not a flag"),
        (["--faults", "clos"], "evalkit: service.faults: 'clos' is not a fault"),
    ],
)
def test_a_wrong_line_of_the_service_is_told_as_any_other(
    capsys: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    """Exit 2 and one line, without argparse's own page."""
    code, out, err = _ask(capsys, "service", *args)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(message)


_INTERRUPTED_WHILE_ENDING = """
import atexit, os, signal, sys, time
atexit.register(time.sleep, 5)
atexit.register(os.kill, os.getpid(), signal.SIGINT)
from evalkit.cli import main
sys.argv = ["evalkit", *sys.argv[1:]]
sys.exit(main())
"""


@pytest.mark.parametrize(("line", "code"), [("--version", 0), ("rerun /nowhere", 2)])
def test_a_late_ctrl_c_changes_no_exit_code(line: str, code: int) -> None:
    """What was done is done, and the interpreter leaves at once."""
    command = [sys.executable, "-c", _INTERRUPTED_WHILE_ENDING, *line.split()]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert time.monotonic() - began < 5
