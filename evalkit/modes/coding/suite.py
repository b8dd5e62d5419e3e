"""Turns a task's own tests into calls that a program can answer but not forge: every test has a decoy beside it.

A test runs in the process of the code under test, which may make it look passed. So each test is asked twice, in no
order that the program can know and under names that say nothing: as it was written, and as a *decoy*, in which one
constant of what is expected was changed so that right code must fail it. The program answers ``passed`` or ``failed``
to each; which answer is wanted stays outside, with the expectations. Whoever makes all tests pass makes the decoys
pass, and whoever guesses is right on all n tests once in 2**n.
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from evalkit.errors import DataError
from evalkit.modes.coding.task import TaskCall

FEWEST_TESTS = 10
"""A program that guesses passes a suite of so many tests less than once in a thousand times."""
TEST = "test"
"""What the driver is asked for: ``{"fn": "test", "args": [name, source]}``."""
_DRIVER = Path(__file__).parent / "harness" / "suite_driver.py"
_PREFIX = "test_"
_ERRORS = ("ValueError", "TypeError", "KeyError", "IndexError", "RuntimeError")


@dataclass(frozen=True)
class Suite:
    """A task's tests as calls, and the driver that answers them.

    Attributes:
        driver: Source of the driver; holds the suite's imports and helpers, and none of its tests.
        calls: Every test and its decoy, in the order in which they are asked.

    """

    driver: str
    calls: tuple[TaskCall, ...]


def make_suite(source: str, secret: str) -> Suite:
    """Return the suite that ``judge/suite.py`` is.

    Args:
        source: Imports, helpers, and test functions with plain asserts.
        secret: Something that never enters a box; names, order and changed constants are drawn by it and by `source`.

    Raises DataError with everything that is wrong, each with its line.

    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise DataError(f"is not valid Python: {error}") from None
    tests = [_without_words(node) for node in tree.body if _is_test(node)]
    preamble = [node for node in tree.body if not _is_test(node)]
    problems = [*_find_misplaced(preamble), *_find_problems(tests)]
    if problems:
        raise DataError(problems)
    seed = sha256(f"{len(source)}\0{source}{secret}".encode("utf-8", "surrogatepass")).hexdigest()
    plain = [test for test in tests if isinstance(test, ast.FunctionDef)]
    made = [call for test in plain for call in _make_pair(test, seed, plain)]
    text = ast.unparse(ast.Module(preamble, []))
    driver = f"{_DRIVER.read_text(encoding='utf-8')}\n\ncall = make_call({text!a})\n"
    return Suite(driver, tuple(sorted(made, key=lambda call: str(call.args[0]))))


def make_decoy(
    test: ast.FunctionDef, rng: random.Random, others: Sequence[ast.FunctionDef] = ()
) -> ast.FunctionDef | None:
    """Return a copy of `test` with one constant of one expected value changed; None where no assert has one.

    The new constant is taken from the test itself, from `others`, or lies nearby, so that it looks no less likely.
    """
    own, pool = _values(test), [value for other in others for value in _values(other)]
    places = list(enumerate(_find_places(test)))
    rng.shuffle(places)
    for number, (expected, leaf) in places:
        for value in _other_values(leaf, own, pool, rng):
            decoy = copy.deepcopy(test)
            changed, changed_leaf = list(_find_places(decoy))[number]
            _put(changed_leaf, value)
            if _differs(expected, changed):
                return decoy
    return None


def _is_test(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(_PREFIX)


def _find_misplaced(preamble: Sequence[ast.stmt]) -> Iterator[str]:
    for node in preamble:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield f"line {node.lineno}: class {node.name}: expected test functions at the top level, no class of them"


def _find_problems(tests: Sequence[ast.stmt]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for test in tests:
        assert isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef)  # noqa: S101 - _is_test
        where = f"line {test.lineno}: {test.name}"
        first = seen.setdefault(test.name, test.lineno)
        if first != test.lineno:
            yield f"{where}: is the name of the test at line {first} as well"
        if isinstance(test, ast.AsyncFunctionDef):
            yield f"{where}: is asynchronous; have it call asyncio.run"
        elif test.decorator_list or ast.unparse(test.args):
            yield f"{where}: has parameters or a decorator; nothing gives it fixtures here"
        elif make_decoy(test, random.Random(0)) is None:
            yield (
                f"{where}: has no assert that compares by == or is with an expected value written beside it, such as "
                "assert area(2, 3) == 6"
            )
    if len(tests) < FEWEST_TESTS:
        yield f"has {len(tests)} tests, expected at least {FEWEST_TESTS}: whoever guesses is right on fewer too often"


def _make_pair(test: ast.FunctionDef, seed: str, suite: Sequence[ast.FunctionDef]) -> Iterator[TaskCall]:
    """Yield the call that asks for `test` and the one that asks for its decoy."""
    decoy = make_decoy(test, random.Random(f"{seed} {test.name}"), suite)
    assert decoy is not None  # noqa: S101 - found before
    yield _make_call(test, test.name, seed, {"expect": "passed"})
    yield _make_call(decoy, f"{test.name} (decoy)", seed, {"expect": "failed", "decoy_of": test.name})


def _make_call(test: ast.FunctionDef, call_id: str, seed: str, expected: dict[str, str]) -> TaskCall:
    named = copy.deepcopy(test)
    named.name = f"t_{sha256(f'{seed} {call_id}'.encode()).hexdigest()[:12]}"
    return TaskCall(call_id, TEST, (named.name, ast.unparse(named)), dict(expected))


def _without_words(test: ast.stmt) -> ast.stmt:
    """Return `test` without docstring and messages: what they say of the right answer would give a decoy away."""
    bare = copy.deepcopy(test)
    if isinstance(bare, ast.FunctionDef) and ast.get_docstring(bare, clean=False) is not None:
        bare.body = bare.body[1:] or [ast.Pass()]
    for node in ast.walk(bare):
        if isinstance(node, ast.Assert):
            node.msg = None
    return bare


def _find_places(test: ast.FunctionDef) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield every constant or empty display of an expected value in an assert, with the whole expected value."""
    for node in ast.walk(test):
        if not isinstance(node, ast.Assert):
            continue
        for part in _parts(node.test):
            if isinstance(part, ast.Compare) and len(part.ops) == 1 and isinstance(part.ops[0], ast.Eq | ast.Is):
                for side in (part.comparators[0], part.left):
                    leaves = [] if _holds_call(side) else list(_leaves(side))
                    if leaves:
                        yield from ((side, leaf) for leaf in leaves)
                        break


def _parts(claim: ast.expr) -> list[ast.expr]:
    """Return what must all hold for `claim` to hold."""
    return claim.values if isinstance(claim, ast.BoolOp) and isinstance(claim.op, ast.And) else [claim]


def _holds_call(node: ast.expr) -> bool:
    return any(isinstance(inner, ast.Call | ast.Await | ast.Lambda) for inner in ast.walk(node))


def _leaves(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the constants and empty displays below `node` that make up its value: no index, no part of an f-string."""
    if (isinstance(node, ast.Constant) and _near_values(node.value)) or _is_empty(node):
        assert isinstance(node, ast.expr)  # noqa: S101 - a constant or a display
        yield node
    elif not isinstance(node, ast.JoinedStr | ast.Subscript):
        for child in ast.iter_child_nodes(node):
            yield from _leaves(child)


def _is_empty(node: ast.AST) -> bool:
    is_display = isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict)
    return is_display and not any(isinstance(child, ast.expr) for child in ast.iter_child_nodes(node))


def _values(test: ast.FunctionDef) -> list[ast.expr]:
    """Return the distinct constants and displays of constants in `test`."""
    found: dict[str, ast.expr] = {}
    for node in ast.walk(test):
        if isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Set | ast.Dict):
            try:
                ast.literal_eval(node)
            except (ValueError, TypeError):
                continue
            found.setdefault(ast.dump(node), node)
    return list(found.values())


def _other_values(
    leaf: ast.expr, own: Sequence[ast.expr], pool: Sequence[ast.expr], rng: random.Random
) -> list[ast.expr]:
    """Return what may stand in the place of `leaf`, the likeliest first."""
    of_kind = [[value for value in values if _kind(value) == _kind(leaf)] for values in (own, pool)]
    if not isinstance(leaf, ast.Constant):
        return [*of_kind[0], *rng.sample(of_kind[1], len(of_kind[1])), _filled(leaf)]
    near = [ast.Constant(value) for value in _near_values(leaf.value)]
    if isinstance(leaf.value, str | bytes):  # texts that somebody wrote look likelier than one that was turned round
        return [*_names_like(leaf.value), *of_kind[0], *rng.sample(of_kind[1], len(of_kind[1])), *near]
    likely = [*of_kind[0], *near]
    return rng.sample(likely, len(likely))


def _kind(node: ast.expr) -> type:
    return type(node.value) if isinstance(node, ast.Constant) else type(node)


def _filled(display: ast.expr) -> ast.expr:
    zero = ast.Constant(0)
    match display:
        case ast.Dict():
            return ast.Dict([zero], [zero])
        case ast.Set():
            return ast.Set([zero])
        case ast.Tuple():
            return ast.Tuple([zero], ast.Load())
    return ast.List([zero], ast.Load())


def _names_like(text: str | bytes) -> list[ast.expr]:
    """Return another kind of error where `text` names one."""
    return [ast.Constant(name) for name in _ERRORS if name != text] if text in _ERRORS else []


def _near_values(value: object) -> list[bool | int | float | str | bytes]:
    """Return other values of the same type; of a type that no decoy changes, none."""
    near: list[bool | int | float | str | bytes] = []
    match value:
        case bool():
            near = [not value]
        case None:
            near = [False]
        case int():
            near = [value - 1, value + 1] if value > 0 else [value + 1]
        case float():
            near = [value + 1.0, value / 2]
        case str():
            near = [value[1:] + value[:1], value + value, value + "a"]
        case bytes():
            near = [value[1:] + value[:1], value + value, value + b"a"]
    return near


def _put(leaf: ast.expr, value: ast.expr) -> None:
    """Make `leaf`, in place, what `value` is."""
    for name, inner in ast.iter_fields(copy.deepcopy(value)):
        setattr(leaf, name, inner)


def _differs(before: ast.expr, after: ast.expr) -> bool:
    """Whether two expected values are unequal, as far as that can be seen without running anything."""
    try:
        return bool(ast.literal_eval(before) != ast.literal_eval(after))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ast.dump(before) != ast.dump(after)
