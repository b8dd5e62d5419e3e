"""One word means one thing in the whole house: no public class or type name is given twice."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import evalkit

PACKAGE = Path(evalkit.__file__).parent

# Names that two modules may share, each with the reason; a name that has become unique must leave the list.
ALLOWED_TWINS: dict[str, str] = {}


def find_type_names(tree: ast.AST) -> Iterator[str]:
    """Yield the name of every class and every type alias in a module, private ones left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
            name = ast.unparse(node.target)
        else:
            continue
        if not name.startswith("_"):
            yield name


def find_twins() -> dict[str, list[str]]:
    """Return the names that more than one definition has, with the modules that hold them."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in find_type_names(ast.parse(path.read_text(encoding="utf-8"))):
            places[name].append(path.relative_to(PACKAGE).as_posix())
    return {name: found for name, found in places.items() if len(found) > 1}


def test_no_type_name_is_used_twice() -> None:
    """A class name that is used twice needs another name, or a line with the reason in the list above."""
    twins = find_twins()
    assert {name: places for name, places in twins.items() if name not in ALLOWED_TWINS} == {}
    assert ALLOWED_TWINS.keys() - twins.keys() == set()


def test_twins_are_seen() -> None:
    """A class and a type alias both count, wherever in a module they stand; private names do not."""
    module = (
        "class Line: ...\nclass _Line: ...\ndef f():\n    class Row: ...\nStep: TypeAlias = Line | None\nx: int = 1\n"
    )
    assert sorted(find_type_names(ast.parse(module))) == ["Line", "Row", "Step"]
