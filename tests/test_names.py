"""One word means one thing in the whole house: no public class or type name is given twice."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import evalkit

PACKAGE = Path(evalkit.__file__).parent

MIRRORED = "client and server describe the same object of the Realtime protocol, each in its own words"
TO_BE_RENAMED = "two things under one name, to be renamed"
ALLOWED_TWINS = {
    "Item": (MIRRORED, "realtime/items.py", "service/items.py"),
    "Items": (MIRRORED, "realtime/items.py", "service/items.py"),
    "Part": (MIRRORED, "realtime/items.py", "service/items.py"),
    "Line": (TO_BE_RENAMED, "service/brain/rules/judge/question.py", "service/faults/line.py"),
    "Recording": (TO_BE_RENAMED, "commands/voice.py", "service/replay/recording.py"),
    "Reply": (TO_BE_RENAMED, "service/brain/conversation.py", "service/replay/player.py"),
    "Rule": (TO_BE_RENAMED, "service/brain/rules/judge/rules.py", "service/faults/plan.py"),
    "Session": (TO_BE_RENAMED, "service/faults/decisions.py", "service/session.py"),
    "Side": (TO_BE_RENAMED, "reports/pairs.py", "service/faults/moments.py"),
    "Step": (TO_BE_RENAMED, "records/record.py", "service/replay/recording.py", "service/work.py"),
    "Timeline": (TO_BE_RENAMED, "realtime/timeline.py", "reports/page/timeline.py"),
}


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


def find_twins() -> dict[str, tuple[str, ...]]:
    """Return the names that more than one definition has, with the modules that hold them."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in find_type_names(ast.parse(path.read_text(encoding="utf-8"))):
            places[name].append(path.relative_to(PACKAGE).as_posix())
    return {name: tuple(found) for name, found in places.items() if len(found) > 1}


def test_no_type_name_is_used_twice() -> None:
    """A class name that is used twice is either in the short list above, with its reason, or given another name."""
    assert find_twins() == {name: tuple(places) for name, (_, *places) in ALLOWED_TWINS.items()}
