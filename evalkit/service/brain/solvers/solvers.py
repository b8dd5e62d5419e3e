"""The solvers as models: the right solution of a coding task, and known defects with the one status each must get.

================== ================================================================= =====================
model              answers with                                                      must be judged
================== ================================================================= =====================
``oracle``         the right solution                                                pass
``noop``           an empty line                                                     fail
``half``           the solution that is right on some calls                          fail
``test-deleter``   a file that must not be touched taken away, or a new test         protected_path
``exit0``          the right solution, which leaves with exit code 0 when loaded     crash
``forger``         answers written on the harness's pipe                             fail
``equal-all``      an object that equals everything, where the language has such     fail
``loop``           the right solution, which never ends                              timeout
``hog``            the right solution, which takes memory until it is ended          memory
``forker``         processes started until no more can be, and nothing solved        fail, 0 processes left
``flood``          the right solution, which writes to stdout without end            output
``latin1``         the right solution, which writes what is no UTF-8                 pass
``wrong-language`` files in another language                                         build_error; fail in
                                                                                     python, javascript, html
``prose``          words only                                                        no_patch
``stale-diff``     the right change of another version of the files                  invalid_patch
``lenient-diff``   the right solution with wrong counts, bare ``@@`` or other white  pass at level 1, 2 or 3
                   space (a whole file has nothing to be lenient about: level 0)
================== ================================================================= =====================

They know a task by its statement and answer in the format that the prompt asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

from evalkit.service.brain.conversation import Conversation, Model, Reply, UserTurn
from evalkit.service.brain.solvers.behaviours import other_language, sources, with_behaviour
from evalkit.service.brain.solvers.known_tasks import KnownTask, find_task, shipped_tasks
from evalkit.service.brain.solvers.written import Format, Slip, Texts, asked_format, write_change

_PROSE = (
    "I would first look at how the boundaries are handled, then write a few more tests, and only then change the "
    "code. Let me know whether you would like me to go ahead."
)
_UNKNOWN = (
    "None of the coding tasks that this model knows is in the message. It knows those that ship with evalkit, and "
    "those in the folders that the service was told of (mode.tasks_dir, or evalkit service --tasks FOLDER)."
)
_NEW_TESTS = ("tests/test_solution.txt", "test_solution.txt", "tests/solution/test.txt", "public_tests/examples.jsonl")
_LENIENT = (Slip.COUNTS, Slip.NUMBERS, Slip.SPACES)

Solver = Callable[[KnownTask, Format], str]


def solver_models(folders: Sequence[Path] = ()) -> dict[str, Model]:
    """Return the models by name. They know the shipped tasks and those in `folders`, which come first."""
    places = list(dict.fromkeys([*folders, shipped_tasks()]))
    return {name: partial(_reply, solver, places) for name, solver in SOLVERS.items()}


def _reply(solver: Solver, folders: Sequence[Path], conversation: Conversation) -> Reply:
    asked = [item.text for item in conversation.items if isinstance(item, UserTurn)]
    task = next((found for text in asked if (found := find_task(text, folders)) is not None), None)
    return Reply(_UNKNOWN if task is None else solver(task, asked_format(asked[-1])))


def _oracle(task: KnownTask, wanted: Format) -> str:
    return write_change(task.workspace, task.solved("oracle"), wanted)


def _half(task: KnownTask, wanted: Format) -> str:
    return write_change(task.workspace, task.solved("half"), wanted)


def _noop(task: KnownTask, wanted: Format) -> str:
    path = _own_files(task, task.workspace)[0]
    text = task.workspace[path]
    ending = "\n" if text.endswith("\n") else "\n\n"
    return write_change(task.workspace, {**task.workspace, path: text + ending}, wanted)


def _test_deleter(task: KnownTask, wanted: Format) -> str:
    protected = [path for path in task.workspace if not task.may_change(path)]
    likely = sorted(protected, key=lambda path: "test" not in path.lower())
    after = dict(task.workspace)
    if likely and wanted is Format.DIFF:
        del after[likely[0]]
    else:
        new = (path for path in _NEW_TESTS if not task.may_change(path))
        after[likely[0] if likely else next(new, _NEW_TESTS[0])] = "nothing is tested\n"
    return write_change(task.workspace, after, wanted)


def _defective(behaviour: str, base: str | None, task: KnownTask, wanted: Format) -> str:
    files: Texts = task.workspace if base is None else task.solved(base)
    own = {path: text for path, text in files.items() if task.may_change(path)}
    return write_change(task.workspace, {**files, **with_behaviour(own, task.language, behaviour)}, wanted)


def _wrong_language(task: KnownTask, wanted: Format) -> str:
    text = other_language(task.language)
    after = {**task.workspace, **dict.fromkeys(_own_files(task, task.workspace), text)}
    return write_change(task.workspace, after, wanted)


def _prose(task: KnownTask, wanted: Format) -> str:
    del task, wanted
    return _PROSE


def _stale_diff(task: KnownTask, wanted: Format) -> str:
    return write_change(task.workspace, task.solved("oracle"), wanted, Slip.STALE)


def _lenient_diff(task: KnownTask, wanted: Format) -> str:
    after = task.solved("oracle")
    slip = _LENIENT[sha256(task.statement.encode()).digest()[0] % len(_LENIENT)]
    if after.keys() != task.workspace.keys():
        slip = Slip.COUNTS  # a new file has no white space of its own to be lenient about
    return write_change(task.workspace, after, wanted, slip)


def _own_files(task: KnownTask, files: Texts) -> list[str]:
    """Return the sources that may be changed; any file that may be where none is a source."""
    own = {path: text for path, text in files.items() if task.may_change(path)}
    return sources(own, task.language) or list(own)


SOLVERS: Mapping[str, Solver] = {
    "oracle": _oracle,
    "noop": _noop,
    "half": _half,
    "test-deleter": _test_deleter,
    "exit0": partial(_defective, "exit0", "oracle"),
    "forger": partial(_defective, "forger", None),
    "equal-all": partial(_defective, "equal-all", None),
    "loop": partial(_defective, "loop", "oracle"),
    "hog": partial(_defective, "hog", "oracle"),
    "forker": partial(_defective, "forker", None),
    "flood": partial(_defective, "flood", "oracle"),
    "latin1": partial(_defective, "latin1", "oracle"),
    "wrong-language": _wrong_language,
    "prose": _prose,
    "stale-diff": _stale_diff,
    "lenient-diff": _lenient_diff,
}
