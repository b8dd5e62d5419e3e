"""The Python harness answers calls over two pipes as its own process, and candidate code cannot bend its answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HARNESS = Path(__file__).parents[4] / "evalkit" / "modes" / "coding" / "harness" / "harness.py"
DRIVER = """
def call(fn, args):
    import candidate
    return getattr(candidate, fn)(*args)
"""
BROKEN = {"error": "UnencodableAnswer", "message": "cyclic, too deep or too large for JSON"}


def ask(folder: Path, candidate: str, *calls: tuple[str, list[Any]]) -> tuple[list[Any], int]:
    """Run the harness on a candidate module; return the answers that came, lock-step, and the exit code."""
    box, workspace = folder / "box", folder / "ws"
    box.mkdir()
    workspace.mkdir()
    (box / "harness.py").write_bytes(HARNESS.read_bytes())
    (box / "driver.py").write_text(DRIVER)
    (workspace / "candidate.py").write_text(candidate)
    their_read, our_write = os.pipe()
    our_read, their_write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", str(box / "harness.py")],
        cwd=workspace,
        env={"EVALKIT_PIPES": f"{their_read},{their_write}"},
        pass_fds=(their_read, their_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    os.close(their_read)
    os.close(their_write)
    answers = []
    with os.fdopen(our_write, "wb", buffering=0) as requests, os.fdopen(our_read, "rb") as lines:
        for fn, args in calls:
            try:
                requests.write(json.dumps({"fn": fn, "args": args}).encode() + b"\n")
            except BrokenPipeError:
                break
            line = lines.readline()
            if not line:
                break
            answers.append(json.loads(line))
        requests.close()
        answers += [json.loads(line) for line in lines]
    return answers, process.wait(timeout=20)


def test_values_come_back_as_they_are(tmp_path: Path) -> None:
    """Plain data crosses both ways unchanged, text beyond ASCII and a lone surrogate included; tuples become lists."""
    value = [None, True, False, 1, -(2**70), 1.5, 1e300, "ä\u2028\n\ud800", {"k": [{}]}]
    answers, code = ask(
        tmp_path, "def same(x): return x\ndef pair(): return (1, (2,))", ("same", [value]), ("pair", [])
    )
    assert answers == [{"ok": value}, {"ok": [1, [2]]}]
    assert type(answers[0]["ok"][1]) is bool
    assert code == 0


def test_what_is_no_number_in_json_is_written_apart(tmp_path: Path) -> None:
    """Not-a-number and both infinities keep their meaning."""
    answers, _ = ask(tmp_path, "def odd(): return [float('nan'), float('inf'), -float('inf')]", ("odd", []))
    assert answers == [{"ok": [{"$float": "nan"}, {"$float": "inf"}, {"$float": "-inf"}]}]


def test_only_exact_types_leave(tmp_path: Path) -> None:
    """Subclasses of built-in types, foreign objects and odd keys are named, never trusted."""
    candidate = (
        "class All(int):\n def __eq__(self, other): return True\n __hash__ = None\n def __repr__(self): return '42'\n"
        "class Sly(str): pass\n"
        "def make(): return [All(1), Sly('x'), {1: 2}, {Sly('k'): 1}, {1, 2}, b'', print, All]\n"
    )
    answers, _ = ask(tmp_path, candidate, ("make", []))
    names = ["All", "Sly", "dict", "dict", "set", "bytes", "builtin_function_or_method", "type"]
    assert answers == [{"ok": [{"$type": name} for name in names]}]


def test_no_exception_ends_it(tmp_path: Path) -> None:
    """Every kind of exception is an answer, with a bounded message, and the next call is served."""
    candidate = (
        "class Odd(Exception):\n def __str__(self): raise SystemExit\n"
        "def leave(): raise SystemExit(0)\ndef stop(): raise KeyboardInterrupt\ndef odd(): raise Odd\n"
        "def long(): raise ValueError('x' * 999)\ndef deep(): return deep()\ndef fine(): return 1\n"
    )
    calls: list[tuple[str, list[Any]]] = [
        (name, []) for name in ("leave", "stop", "odd", "long", "deep", "none", "fine")
    ]
    answers, code = ask(tmp_path, candidate, *calls)
    assert [answer.get("error") for answer in answers] == [
        "SystemExit", "KeyboardInterrupt", "Odd", "ValueError", "RecursionError", "AttributeError", None,
    ]  # fmt: skip
    assert answers[3]["message"] == "x" * 200
    assert answers[-1] == {"ok": 1}
    assert code == 0


def test_an_error_while_loading_answers_every_call(tmp_path: Path) -> None:
    """A module that does not load is an error of each call, not a dead process."""
    answers, code = ask(tmp_path, "import this_is_no_module", ("f", []), ("f", []))
    assert [answer["error"] for answer in answers] == ["ModuleNotFoundError"] * 2
    assert code == 0


def test_values_without_end_are_refused(tmp_path: Path) -> None:
    """A cyclic list, a tree that doubles at each level and an int too long to write end in a bounded answer."""
    candidate = (
        "def cycle():\n a = []\n a.append(a)\n return a\n"
        "def doubling():\n a = []\n for _ in range(80): a = [a, a]\n return a\n"
        "def long(): return 10 ** 5000\n"
    )
    answers, _ = ask(tmp_path, candidate, ("cycle", []), ("doubling", []), ("long", []))
    assert answers == [BROKEN, BROKEN, BROKEN]


def test_patched_libraries_change_no_answer(tmp_path: Path) -> None:
    """The harness works with what it bound before: json, os and builtins may be replaced."""
    candidate = (
        "import builtins, json, os, sys\n"
        "def lie(*a, **k): return '{\"ok\": 42}'\n"
        "json.dumps = json.encoder.JSONEncoder.encode = json.encoder.encode_basestring_ascii = lie\n"
        "json.loads = json.JSONDecoder.decode = json.JSONDecoder.raw_decode = lie\n"
        "builtins.type = builtins.id = builtins.repr = lie\n"
        "builtins.str = builtins.int = builtins.list = builtins.dict = lie\n"
        "os.write = os.read = os.getpid = lie\n"
        "def f(x): return x\n"
    )
    answers, code = ask(tmp_path, candidate, ("f", [[1, "a", {"b": 2.5}]]), ("f", [None]))
    assert answers == [{"ok": [1, "a", {"b": 2.5}]}, {"ok": None}]
    assert code == 0


def test_nothing_of_the_pipes_is_left_lying_about(tmp_path: Path) -> None:
    """The variable is gone, children inherit no pipe, and a forked child that returns adds no answer."""
    candidate = (
        "import os, subprocess, sys\n"
        "def seen(): return os.environ.get('EVALKIT_PIPES')\n"
        "def children():\n"
        " script = 'import os; print(sorted(int(n) for n in os.listdir(\"/proc/self/fd\"))[3:])'\n"
        " out = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, close_fds=False)\n"
        " return len(eval(out.stdout))\n"  # one: the folder that is being listed
        "def fork():\n return os.fork() and 1\n"
    )
    answers, _ = ask(tmp_path, candidate, ("seen", []), ("children", []), ("fork", []))
    assert answers == [{"ok": None}, {"ok": 1}, {"ok": 1}]


def test_a_process_that_ends_itself_gives_no_answer(tmp_path: Path) -> None:
    """Leaving by the back door leaves answers missing, whatever the exit code says."""
    answers, code = ask(tmp_path, "import os\nos._exit(0)", ("f", []), ("f", []))
    assert answers == []
    assert code == 0


def test_threads_and_exit_handlers_do_not_hold_it(tmp_path: Path) -> None:
    """After the last call the process leaves at once, even with a thread that never ends."""
    candidate = (
        "import atexit, threading, time\natexit.register(time.sleep, 60)\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\ndef f(): return 1\n"
    )
    assert ask(tmp_path, candidate, ("f", [])) == ([{"ok": 1}], 0)


def test_installed_packages_are_out_of_reach(tmp_path: Path) -> None:
    """Only the standard library and the workspace can be imported, the workspace last."""
    candidate = "import sys\ndef paths(): return sys.path\n"
    answers, _ = ask(tmp_path, candidate, ("paths", []))
    paths = answers[0]["ok"]
    assert paths[-1] == str(tmp_path / "ws")
    assert not [path for path in paths if "-packages" in path]
