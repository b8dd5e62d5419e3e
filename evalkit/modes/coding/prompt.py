"""What a model is asked: the statement, the files, what may be changed, and the format of the answer. Deterministic.

The text of a task's ``prompt.md`` stands in the prompt as it is, and nothing in it says which task it is from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from evalkit.modes.coding.patch import editable_files
from evalkit.modes.coding.task import EditFormat, Task, TaskCall

_FENCE_NAMES = {
    ".py": "python", ".js": "javascript", ".mjs": "javascript", ".go": "go", ".rs": "rust", ".cpp": "cpp",
    ".hpp": "cpp", ".h": "cpp", ".html": "html", ".css": "css", ".json": "json", ".toml": "toml", ".md": "markdown",
}  # fmt: skip

_FORMATS = {
    EditFormat.DIFF: """\
Answer with a unified diff in one fenced block, as `git diff` writes it: paths from the root of the workspace with a/ \
and b/ in front, right line numbers and counts in every @@ line, and three lines of unchanged context around every \
change. A new file is a diff from /dev/null. For example:

```diff
--- a/greeting.txt
+++ b/greeting.txt
@@ -1,3 +1,3 @@
 Dear reader,
-good evening.
+good morning.
 Yours, the editor
```""",
    EditFormat.WHOLE: """\
Answer with every file that you change or create as a whole file, from its first line to its last: the file's path \
alone on a line, then the file's whole content in a fenced block. Files that stay as they are need not be repeated. \
For example:

greeting.txt
```
Dear reader,
good morning.
Yours, the editor
```""",
    EditFormat.SEARCH_REPLACE: """\
Answer with SEARCH/REPLACE blocks. For each change: the file's path alone on a line, then a fenced block with the \
lines that stand in the file now, exactly as they are and enough of them to be found only once, and the lines that \
shall stand in their place. A block with nothing to search for makes a new file. For example:

greeting.txt
```
<<<<<<< SEARCH
good evening.
=======
good morning.
>>>>>>> REPLACE
```""",
}


def write_prompt(task: Task, edit_format: EditFormat, *, include_tests: bool) -> str:
    """Return the prompt of `task` for an answer in `edit_format`, with the public examples where they are included."""
    parts = [task.prompt.strip("\n"), "# The workspace", *_files(task), _rules(task)]
    if include_tests and task.examples:
        parts += ["# Examples", "\n".join(f"- {_example(call)}" for call in task.examples)]
    return "\n\n".join([*parts, "# Your answer", _FORMATS[edit_format], _request(task)]) + "\n"


def ask_again(edit_format: EditFormat) -> str:
    """Return what ends the prompt of a repair round: what to answer with, in which format."""
    again = (
        "Answer again, with the complete change and not only what is new in it: it is applied to the workspace as it "
        "was shown first, your last answer is not in it. The format is the same."
    )
    return f"{again}\n\n{_FORMATS[edit_format]}\n"


def fenced(content: str, name: str = "") -> str:
    """Return `content` in a fence that nothing in it can close."""
    longest = max(map(len, re.findall(r"`{3,}", content)), default=2)
    fence = "`" * (longest + 1)
    end = "" if content.endswith("\n") or not content else "\n"
    return f"{fence}{name}\n{content}{end}{fence}"


def _files(task: Task) -> Iterator[str]:
    for path, content in task.workspace.items():
        text = content.decode()
        note = "" if text.endswith("\n") or not text else " (no newline at the end of the file)"
        yield f"{path}{note}\n{fenced(text, _FENCE_NAMES.get(PurePosixPath(path).suffix, ''))}"


def _rules(task: Task) -> str:
    allowed = ", ".join(f"`{glob}`" for glob in task.editable)
    return f"Only these files may be changed or created: {allowed}. An answer that touches any other file is refused."


def _request(task: Task) -> str:
    """Return the last sentence: a small model takes what stands last for what is asked, and would copy the example."""
    names = [f"`{path}`" for path in editable_files(task.workspace, task.editable)]
    where = f" of {', '.join(names)}" if names else ""
    return f"The example shows the form only. Now write the change{where} that the statement at the top asks for."


def _example(call: TaskCall) -> str:
    arguments = ", ".join(json.dumps(argument, ensure_ascii=False) for argument in call.args)
    return f"{_code(f'{call.fn}({arguments})')} {_expectation(call)}"


def _expectation(call: TaskCall) -> str:
    if "error" in call.expected:
        kind = call.expected["error"]
        return "must fail" if kind is True else f"must fail with {kind}"
    about = f" (within {call.expected['tolerance']})" if "tolerance" in call.expected else ""
    return f"must give {_code(json.dumps(call.expected['expect'], ensure_ascii=False))}{about}"


def _code(text: str) -> str:
    """Return `text` as code inside a line, whatever backticks it has."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    marks, space = "`" * (longest + 1), " " if longest else ""
    return f"{marks}{space}{text}{space}{marks}"
