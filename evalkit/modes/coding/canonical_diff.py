"""What changed between two workspaces, written as one git-style diff, whatever the format of the answer was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from evalkit.modes.coding.unified_diff import NOWHERE

_CONTEXT = 3
_MOST_PAIRS = 200_000
_NO_NEWLINE = "\\ No newline at end of file\n"

Opcode = tuple[str, int, int, int, int]


def canonical_diff(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """Return the diff that makes `after` of `before`, in order of the paths; empty when nothing changed.

    ``git apply`` takes it and gives exactly `after`. Contents are UTF-8.
    """
    paths = sorted(before.keys() | after.keys())
    return "".join(
        _file_diff(path, before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)
    )


def opcodes(old: Sequence[str], new: Sequence[str]) -> list[Opcode]:
    """Return how `new` is made of `old`, as ``difflib`` says it; where that would take long, as one replaced block."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    old_end, new_end = len(old) - end, len(new) - end
    found: list[Opcode] = [("equal", 0, start, 0, start)] if start else []
    middle_old, middle_new = old[start:old_end], new[start:new_end]
    counts = Counter(middle_new)
    if sum(counts[line] for line in middle_old) > _MOST_PAIRS:  # as many steps are taken, again and again
        found.append(("replace", start, old_end, start, new_end))
    else:
        matcher = SequenceMatcher(None, middle_old, middle_new, autojunk=False)
        found += [(tag, a + start, b + start, c + start, d + start) for tag, a, b, c, d in matcher.get_opcodes()]
    if end:
        found.append(("equal", old_end, len(old), new_end, len(new)))
    return found


def _file_diff(path: str, before: bytes | None, after: bytes | None) -> str:
    tab = "\t" if " " in path else ""
    header = [f"diff --git a/{path} b/{path}\n"]
    if before is None:
        header.append("new file mode 100644\n")
    if after is None:
        header.append("deleted file mode 100644\n")
    old, new = _lines(before or b""), _lines(after or b"")
    if not old and not new:
        return "".join(header)  # an empty file that came or went
    names = (NOWHERE if before is None else f"a/{path}{tab}", NOWHERE if after is None else f"b/{path}{tab}")
    header += [f"--- {names[0]}\n", f"+++ {names[1]}\n"]
    return "".join([*header, *_hunks(old, new)])


def _lines(content: bytes) -> list[str]:
    parts = content.decode().split("\n")
    return [f"{line}\n" for line in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    for group in _grouped(opcodes(old, new)):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n"
        for tag, a, b, c, d in group:
            if tag == "equal":
                yield from (_line(" ", line) for line in old[a:b])
                continue
            yield from (_line("-", line) for line in old[a:b])
            yield from (_line("+", line) for line in new[c:d])


def _grouped(codes: Sequence[Opcode]) -> Iterator[list[Opcode]]:
    """Yield the changes that stand near each other, each group with its context."""
    matcher = SequenceMatcher(None, "", "")
    matcher.opcodes = list(codes)  # type: ignore[attr-defined]
    yield from matcher.get_grouped_opcodes(_CONTEXT)


def _range(start: int, end: int) -> str:
    size = end - start
    beginning = start + 1 if size else start
    return str(beginning) if size == 1 else f"{beginning},{size}"


def _line(tag: str, line: str) -> str:
    return tag + line if line.endswith("\n") else f"{tag}{line}\n{_NO_NEWLINE}"
