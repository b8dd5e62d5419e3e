"""Runs one HumanEval problem with its own canonical solution and says which calls its test makes, with right answers.

A program of its own, standard library only: the problem comes as JSON on stdin, what was found leaves as JSON on
stdout. No candidate is ever near it. It says as well which small mistakes in the canonical solution those calls find
out, for the mutants of the task, and by which of them some calls are still answered rightly.
"""

from __future__ import annotations

import ast
import copy
import importlib.util
import json
import random
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

MOST_CALLS = 60
MOST_EXAMPLES = 4
MOST_MUTANTS = 4
_MUTANTS_TRIED = 60
_ANSWER_S = 2.0
_MOST_BYTES = 4_000  # of a call with its answer
_MEMORY = 1024 * 1024 * 1024
_SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.And: ast.Or, ast.Or: ast.And, ast.In: ast.NotIn,
    ast.Mod: ast.FloorDiv, ast.FloorDiv: ast.Mod, ast.NotIn: ast.In,
}  # fmt: skip


class Unfair(Exception):
    """The problem's test asks for something that cannot be said as a call with one right value."""


def record(problem: dict[str, str]) -> dict[str, Any]:
    """Return ``calls``, ``examples``, ``half`` and ``mutants`` of a problem. Raises Unfair."""
    check_test(problem["test"])
    entry = problem["entry_point"]
    source = problem["prompt"] + problem["canonical_solution"]
    calls = _record_calls(problem, source)
    if len(calls) < 2:
        raise Unfair("its test makes a single call")
    examples = _record_examples(problem, source)
    if not examples:
        examples, calls = calls[:1], calls[1:]
    half, mutants = _find_wrong(source, entry, calls)
    return {"calls": calls, "examples": examples, "half": half, "mutants": mutants}


def check_test(test: str) -> None:
    """Raise Unfair where a result of the candidate is used in another way than to be compared with a value."""
    parents = {child: node for node in ast.walk(ast.parse(test)) for child in ast.iter_child_nodes(node)}
    for node in parents:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "candidate":
            _check_use(node, parents)


def _check_use(call: ast.Call, parents: dict[ast.AST, ast.AST]) -> None:
    parent = _climb(call, parents)
    if isinstance(parent, ast.Assert):
        return
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Sub):  # abs(candidate(x) - y) < 1e-6
        around = parents[parent]
        bound = parents.get(around)
        if isinstance(around, ast.Call) and ast.unparse(around.func) in ("abs", "math.fabs"):
            parent = bound if bound is not None else around
    in_assert = isinstance(parents.get(parent), ast.Assert)
    if isinstance(parent, ast.Compare) and in_assert and isinstance(parent.ops[0], ast.Eq | ast.Is | ast.Lt):
        return
    if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not) and in_assert:
        return
    if _is_in_message(call, parents):
        return
    raise Unfair(f"its test compares no result with a value, but takes it further: {ast.unparse(parent)}")


def _climb(call: ast.Call, parents: dict[ast.AST, ast.AST]) -> ast.AST:
    """Return what is around a call, and around ``tuple(…)`` and ``list(…)`` of it."""
    parent = parents[call]
    while isinstance(parent, ast.Call) and ast.unparse(parent.func) in ("tuple", "list"):
        parent = parents[parent]
    return parent


def _is_in_message(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    while node in parents:
        parent = parents[node]
        if isinstance(parent, ast.Assert):
            return parent.msg is node
        node = parent
    return False


def _record_calls(problem: dict[str, str], source: str) -> list[dict[str, Any]]:
    space: dict[str, Any] = {"__name__": "problem"}
    random.seed(0)
    exec(compile(source, "solution.py", "exec"), space)  # noqa: S102 - the package's own
    right = space[problem["entry_point"]]
    found: dict[str, dict[str, Any]] = {}

    def candidate(*args: Any) -> Any:
        sent = [encode_plainly(argument, in_order=True) for argument in args]
        got = right(*copy.deepcopy(args))
        call = {"args": sent, "expect": encode_plainly(got)}
        if len(json.dumps(call)) <= _MOST_BYTES and len(found) < MOST_CALLS:
            found.setdefault(json.dumps(sent), call)
        return got

    exec(compile(problem["test"], "test.py", "exec"), space)  # noqa: S102
    space["check"](candidate)
    calls = list(found.values())
    if _count_right(source, problem["entry_point"], calls) != len(calls):
        raise Unfair("its canonical solution does not answer alike twice")
    return calls


def _record_examples(problem: dict[str, str], source: str) -> list[dict[str, Any]]:
    """Return the calls that stand in the docstring, with what the canonical solution answers."""
    space: dict[str, Any] = {"__name__": "problem"}
    exec(compile(source, "solution.py", "exec"), space)  # noqa: S102
    found: dict[str, dict[str, Any]] = {}
    for args in _find_shown(problem["prompt"], problem["entry_point"]):
        try:
            sent = [encode_plainly(argument, in_order=True) for argument in args]
            call = {"args": sent, "expect": encode_plainly(space[problem["entry_point"]](*args))}
        except Exception:  # noqa: BLE001, S112 - not every docstring shows a call that can be made
            continue
        found.setdefault(json.dumps(sent), call)
    return list(found.values())[:MOST_EXAMPLES]


def _find_shown(prompt: str, entry: str) -> Iterator[tuple[Any, ...]]:
    """Yield the arguments of every call of `entry` with literal arguments in a text."""
    for start in (at for at in range(len(prompt)) if prompt.startswith(f"{entry}(", at)):
        for end in (at for at in range(start, min(start + 500, len(prompt))) if prompt[at] == ")"):
            try:
                node = ast.parse(prompt[start : end + 1].strip(), mode="eval").body
            except (SyntaxError, ValueError):
                continue
            if isinstance(node, ast.Call) and not node.keywords:
                with suppress(ValueError):
                    yield tuple(ast.literal_eval(argument) for argument in node.args)
            break


def _find_wrong(source: str, entry: str, calls: list[dict[str, Any]]) -> tuple[str, dict[str, str]]:
    """Return a solution that some calls find wrong and others do not, and named ones that some calls find wrong."""
    half, mutants = "", dict[str, str]()
    for name, mutant in _mutate(source, entry):
        right = _count_right(mutant, entry, calls)
        if right is None or right == len(calls):
            continue
        if right and not half:
            half = mutant
        elif len(mutants) < MOST_MUTANTS:
            mutants[name] = mutant
        if half and len(mutants) == MOST_MUTANTS:
            break
    if not half:
        half = _make_half(source, entry, calls)
    if not mutants:
        mutants["gives_nothing"] = source + f"\n\ndef {entry}(*args):\n    return None\n"
        if _count_right(mutants["gives_nothing"], entry, calls) == len(calls):
            raise Unfair("no mistake in its canonical solution is found out by its test")
    return half, mutants


def _make_half(source: str, entry: str, calls: list[dict[str, Any]]) -> str:
    """Return a solution that gives up on some arguments, by what they look like."""
    for number in range(2, 40):
        rule = f"    return _right(*args) if sum(map(ord, repr(args))) % {number} else None\n"
        half = f"{source}\n\n_right = {entry}\n\n\ndef {entry}(*args):\n{rule}"
        right = _count_right(half, entry, calls)
        if right and right < len(calls):
            return half
    raise Unfair("its calls are all answered rightly or all wrongly, whatever is changed")


def _mutate(source: str, entry: str) -> Iterator[tuple[str, str]]:
    """Yield solutions with one operator or number changed, each with a name."""
    tree = ast.parse(source)
    count = sum(1 for _ in _places(tree, entry))
    for number in range(min(count, _MUTANTS_TRIED)):
        changed = copy.deepcopy(tree)
        place = next(node for index, node in enumerate(_places(changed, entry)) if index == number)
        yield f"{_change(place)}_{number}", ast.unparse(changed) + "\n"


def _places(tree: ast.Module, entry: str) -> Iterator[ast.AST]:
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name == entry:
            for node in ast.walk(function):
                is_operation = isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in _SWAPS
                is_comparison = isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPS
                if is_operation or is_comparison or (isinstance(node, ast.Constant) and type(node.value) is int):
                    yield node


def _change(node: ast.AST) -> str:
    match node:
        case ast.BinOp() | ast.BoolOp():
            node.op = _SWAPS[type(node.op)]()
            return "other_operator"
        case ast.Compare():
            node.ops[0] = _SWAPS[type(node.ops[0])]()
            return "other_comparison"
        case ast.Constant(value=int(value)):
            node.value = value + 1
    return "other_number"


def _count_right(source: str, entry: str, calls: list[dict[str, Any]]) -> int | None:
    """Return how many calls `source` answers rightly; None where it takes too long."""
    space: dict[str, Any] = {"__name__": "problem"}
    right = 0
    try:
        with _limited(_ANSWER_S):
            exec(compile(source, "solution.py", "exec"), space)  # noqa: S102
            for call in calls:
                right += _is_same(_answer(space[entry], call["args"]), call["expect"])
    except TimeoutError:
        return None
    except Exception:  # noqa: BLE001 - it cannot even be loaded
        return 0
    return right


def _answer(function: Callable[..., Any], args: list[Any]) -> Any:
    """Return what `function` gives; where it raises something, that."""
    try:
        return encode(function(*map(decode, args)))
    except TimeoutError:
        raise
    except Exception as error:  # noqa: BLE001 - a wrong answer
        return error


def _is_same(got: Any, expected: Any) -> bool:
    return type(got) is type(expected) and bool(got == expected)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in what takes longer."""

    def stop(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def encode_plainly(value: Any, *, in_order: bool = False) -> Any:
    """Return `value` as data that crosses and comes back the same. Raises Unfair for what does not."""
    encoded = encode(copy.deepcopy(value), in_order=in_order)
    try:
        crossed = decode(json.loads(json.dumps(encoded, allow_nan=False)))
    except (TypeError, ValueError):
        crossed = Ellipsis
    if repr(crossed) != repr(value) and crossed != value:
        raise Unfair(f"its test uses a value that cannot leave a program: {type(value).__name__}")
    return encoded


def _load_driver() -> tuple[Callable[..., Any], Callable[[Any], Any]]:
    spec = importlib.util.spec_from_file_location("driver", Path(__file__).with_name("human_eval_driver.py"))
    if spec is None or spec.loader is None:
        raise ImportError("human_eval_driver.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.encode, module.decode


encode, decode = _load_driver()


def main() -> None:
    """Answer one problem."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    problem = json.load(sys.stdin)
    answers, sys.stdout = sys.stdout, sys.stderr  # what a solution prints is no answer
    try:
        found = record(problem)
    except Unfair as reason:
        found = {"unfair": str(reason)}
    except Exception as error:  # noqa: BLE001 - a problem that does not hold by itself
        found = {"unfair": f"it does not pass its own test: {type(error).__name__}: {error}"}
    json.dump(found, answers)


if __name__ == "__main__":
    main()
