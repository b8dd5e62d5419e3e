"""Runs single tests of a task's own suite inside the box: the driver of every task that has a ``judge/suite.py``.

evalkit appends one line to this file, ``call = make_call("…")``, with all of the suite that is no test: its imports and
helpers. A test comes with its request, ``["t_3f…", "def t_3f…(): …"]``, and not before: nothing here knows the tests
that are still to come, nor whether the one that is asked for is a real test or a decoy, which must fail. The code under
test shares this process and may make any test look passed; that a test should *fail* it cannot know.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable
from typing import Any


def make_call(preamble: str) -> Callable[[str, list[Any]], Any]:
    """Return the function that answers a request.

    ``test`` with a name and the source of the test function of that name is answered by ``passed`` or, where an assert
    does not hold, ``failed``; any other exception of the test leaves the function. Every other name is a function of
    the workspace with its module in front, ``solution.merge``, for the public examples.
    """
    compile_, execute, import_module, failure = compile, exec, importlib.import_module, AssertionError
    space: dict[str, Any] = {}

    def call(fn: str, args: list[Any]) -> Any:
        if fn != "test":
            module, _, name = fn.rpartition(".")
            return getattr(import_module(module), name)(*args)
        if not space:
            fresh = {"__name__": "suite", "__builtins__": builtins}
            execute(compile_(preamble, "suite.py", "exec"), fresh)
            space.update(fresh)
        name, source = args
        scope = dict(space)
        execute(compile_(source, "suite.py", "exec"), scope)
        try:
            scope[name]()
        except failure:
            return "failed"
        return "passed"

    return call
