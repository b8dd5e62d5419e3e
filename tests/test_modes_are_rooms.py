"""No module outside ``evalkit/modes/`` asks what a mode is called: whatever depends on the mode, the mode says.

The checker walks syntax trees, so that text for people ("mode=crawl|walk|run") is no finding and a comparison is one,
however it is written. The embedded provider is left out: it does not know of modes at all, and may use the words.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkit.settings.schemas import mode_names

ROOT = Path(__file__).parents[1] / "evalkit"
FAMILIES = frozenset({"coding", "terminal", "voice"})
NAMES = frozenset(mode_names()) | {"crawl", "walk", "run"} | FAMILIES


class Comparisons(ast.NodeVisitor):
    """Collects the lines on which the name of a mode decides something."""

    def __init__(self) -> None:
        self.lines: set[int] = set()

    def visit_Compare(self, node: ast.Compare) -> None:
        """``mode == "crawl"``, ``"crawl" != mode``, ``mode in ("crawl", …)``, ``mode not in {…}``."""
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            pairs = [(left, right)] if isinstance(operator, (ast.In, ast.NotIn)) else [(left, right), (right, left)]
            if any(_is_mode(asked) and _holds_name(known) for asked, known in pairs):
                self.lines.add(node.lineno)
        self.generic_visit(node)

    def visit_Match(self, node: ast.Match) -> None:
        """``match mode: case "crawl":``, also with ``|``."""
        if _is_mode(node.subject):
            patterns = (part for case in node.cases for part in ast.walk(case.pattern))
            if any(isinstance(part, ast.MatchValue) and _holds_name(part.value) for part in patterns):
                self.lines.add(node.lineno)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """``{"crawl": …}[mode]``."""
        if _is_mode(node.slice) and _holds_key(node.value):
            self.lines.add(node.lineno)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """``{"crawl": …}.get(mode)``, ``mode.startswith("crawl")``, ``operator.eq(mode, "crawl")``."""
        function = node.func
        if isinstance(function, ast.Attribute):
            asks = any(_is_mode(argument) for argument in node.args)
            tells = any(_holds_name(argument) for argument in node.args)
            if (
                (function.attr in ("get", "pop", "setdefault") and asks and _holds_key(function.value))
                or (function.attr in ("startswith", "endswith") and tells and _is_mode(function.value))
                or (function.attr in ("eq", "ne") and asks and tells)
            ):
                self.lines.add(node.lineno)
        self.generic_visit(node)


def find_comparisons(source: str) -> list[int]:
    """Return the lines of `source` on which a mode's name decides something.

    Tables that are held by a name at the top of the module count as if they stood where they are used.
    """
    tree = ast.parse(source)
    tree = _Inlined(_constants(tree)).visit(tree)
    found = Comparisons()
    found.visit(tree)
    return sorted(found.lines)


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Return what names at the top of the module stand for."""
    found: dict[str, ast.expr] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        if isinstance(target, ast.Name) and not _is_mode(target):
            found[target.id] = value
    return found


class _Inlined(ast.NodeTransformer):
    """Puts constants where they are read."""

    def __init__(self, constants: dict[str, ast.expr]) -> None:
        self._constants = constants

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Return what the name stands for."""
        known = self._constants.get(node.id) if isinstance(node.ctx, ast.Load) else None
        return node if known is None else known


def _is_mode(node: ast.expr) -> bool:
    """Tell by what an expression is called whether it is a mode or its name: ``case.mode``, ``["mode"]["name"]``."""
    name, inner = _named(node)
    is_called_so = name is not None and name.lower().endswith(("mode", "mode_name", "mode.name"))
    is_part = name in ("name", "value", "lower", "casefold", "strip", "str")
    return is_called_so or (is_part and inner is not None and _is_mode(inner))


def _named(node: ast.expr) -> tuple[str | None, ast.expr | None]:
    """Return what an expression is called, and what it is a part of."""
    found: tuple[str | None, ast.expr | None] = (None, None)
    match node:
        case ast.Name(id=name):
            found = (name, None)
        case ast.NamedExpr(target=target):
            found = (target.id, None)
        case ast.Attribute(value=inner, attr=name) | ast.Call(func=ast.Attribute(value=inner, attr=name), args=[]):
            found = (name, inner)
        case ast.Subscript(value=inner, slice=ast.Constant(value=str() as name)):
            found = (name, inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="get"), args=[ast.Constant(value=str() as name), *_]):
            found = (name, inner)
        case ast.Call(func=ast.Name(id="str" as name), args=[inner]):
            found = (name, inner)
    return found


def _holds_name(node: ast.expr) -> bool:
    """Tell whether an expression is a mode's name, or a collection with one."""
    match node:
        case ast.Constant(value=str() as text):
            return text in NAMES
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return any(_holds_name(part) for part in parts)
        case ast.Call(func=ast.Name(id="frozenset" | "set" | "tuple" | "list"), args=[inner]):
            return _holds_name(inner)
    return _holds_key(node)


def _holds_key(node: ast.expr) -> bool:
    match node:
        case ast.Dict(keys=keys):
            return any(key is not None and _holds_name(key) for key in keys)
        case ast.Call(func=ast.Name(id="dict"), keywords=words):
            return any(word.arg in NAMES for word in words)
    return False


def _modules() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*.py")):
        if path.relative_to(ROOT).parts[0] not in ("modes", "service"):
            yield path


def test_no_module_outside_the_modes_compares_a_modes_name() -> None:
    """Somebody who adds a mode touches no other room."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in _modules()
        for line in find_comparisons(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_room_is_looked_into() -> None:
    """A checker that sees no file finds nothing."""
    rooms = {path.relative_to(ROOT).parts[0] for path in _modules()}
    assert rooms >= {"cli.py", "commands", "runner", "reports", "graders", "records", "settings", "compose", "peers"}


@pytest.mark.parametrize(
    "snippet",
    [
        'if settings.mode.name == "crawl": pass',
        'if "run" != mode: pass',
        'is_walk = config["mode"]["name"] == "walk"',
        'is_call = config.get("mode", {}).get("name") == "run"',
        'if case.mode in ("crawl", "walk"): pass',
        'if case.mode not in {"run"}: pass',
        'if mode_name in frozenset(["run", "quiz"]): pass',
        'if str(mode) == "run": pass',
        'if prepared.mode.name.lower() == "run": pass',
        'if a < b and (mode := read()) == "walk": pass',
        'match mode:\n    case "crawl" | "walk": pass',
        'match settings.mode.name:\n    case "run": pass',
        'titles = {"crawl": 1, "run": 2}[mode]',
        'title = {"crawl": 1}.get(record.case.mode, 0)',
        "title = dict(crawl=1, walk=2)[self.mode]",
        'SINGLE = ("crawl", "walk")\ndef f(mode):\n    return mode in SINGLE',
        'TITLES: dict[str, str] = {"run": "calls"}\ndef f(row):\n    return TITLES[row["mode"]]',
        'if mode.startswith("crawl"): pass',
        'operator.eq(layout.mode, "run")',
        'if settings["mode.name"] == "walk": pass',
        'if settings.family_mode == "voice": pass',
    ],
)
def test_a_comparison_is_found_however_it_is_written(snippet: str) -> None:
    """By equality, membership, pattern, table or prefix, from either side, through a constant of the module."""
    assert find_comparisons(snippet) != []


@pytest.mark.parametrize(
    "snippet",
    [
        'raise ConfigError("choose one with mode=crawl|walk|run")',
        'DEFAULT_MODE = "crawl"',
        'modes = [topic.removeprefix("mode=") for topic in topics] or [DEFAULT_MODE]',
        "if mode not in mode_names(): pass",
        "if mode == other.mode: pass",
        'if kind == "run": pass',
        'if command in ("run", "report"): pass',
        'match first:\n    case "run": pass',
        'titles = {"run": 1}[command]',
        'label = f"{mode.name} run"',
        'if mode == "r": pass',
        'open(path, mode="rb")',
        'COMMANDS = {"run": 1}\ndef f(name):\n    return COMMANDS[name]',
    ],
)
def test_what_asks_for_no_modes_name_is_left_alone(snippet: str) -> None:
    """Words for people, names that are no mode's, and a mode that is looked up among those that are installed."""
    assert find_comparisons(snippet) == []


def test_every_family_stands_in_the_import_contract() -> None:
    """A family that is a folder of its own but in no contract could import another one, and nobody would notice."""
    pyproject = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["name"]: contract for contract in pyproject["tool"]["importlinter"]["contracts"]}
    folders = {path.parent.name for path in (ROOT / "modes").glob("*/__init__.py")}
    assert folders == FAMILIES
    assert set(contracts["families of modes do not know each other"]["modules"]) == {
        f"evalkit.modes.{folder}" for folder in folders
    }
