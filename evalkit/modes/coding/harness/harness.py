"""Answers calls inside the box: reads one JSON line a call, has the task's driver make it, writes one JSON line back.

Started as `python3 -I -B harness.py` with the workspace as current folder and `driver.py` beside this file;
`EVALKIT_PIPES="R,W"` names the two inherited file descriptors. The code under test shares this process and may do to it
what it likes. It gains nothing: no expected value ever comes here, so whatever it forges is a guess. This file sees to
it that honest code is not hurt by stray habits and that an answer is plain data: only exact built-in types leave, so an
object that equals everything equals nothing outside.

- What an answer needs is bound before candidate code is loaded: patching `json`, `os` or `builtins` changes nothing.
- The driver imports the candidate's modules inside `call`: an error there is the answer of every call.
- No exception ends the loop, SystemExit and KeyboardInterrupt included. A forked child that comes back ends quietly.
- Packages installed on the machine are taken off `sys.path`, so that every machine answers the same; the workspace is
  last on it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MAX_DEPTH = 100  # nested lists and objects in an answer
MAX_NODES = 500_000  # values in an answer
MAX_MESSAGE = 200  # characters of an error's message
UNENCODABLE = b'{"error": "UnencodableAnswer", "message": "cyclic, too deep or too large for JSON"}\n'


class UnencodableAnswer(Exception):
    """The value is no finite tree of plain data within the bounds above."""


def make_scalar_writer() -> Callable[[Any], str]:
    """Return a function from any value but a list, tuple or dict to JSON text; no plain data: named by its type.

    The function raises ValueError for an int with more digits than the interpreter writes.
    """
    type_of, quote, write_int, write_float = type, json.encoder.encode_basestring_ascii, int.__repr__, float.__repr__
    name_of = type.__dict__["__name__"].__get__
    exact_int, exact_float, exact_str, infinity = int, float, str, float("inf")
    constants = {id(None): "null", id(True): "true", id(False): "false"}  # noqa: FBT003
    identity = id

    def write_number(value: float) -> str:
        if value != value:  # noqa: PLR0124 (only nan differs from itself)
            return '{"$float": "nan"}'
        if value in (infinity, -infinity):
            return '{"$float": "inf"}' if value > 0 else '{"$float": "-inf"}'
        return write_float(value)

    def write_scalar(value: Any) -> str:
        constant = constants.get(identity(value))
        if constant is not None:
            return constant
        kind = type_of(value)
        if kind is exact_int:
            return write_int(value)
        if kind is exact_float:
            return write_number(value)
        if kind is exact_str:
            return quote(value)
        return '{"$type": ' + quote(name_of(kind)) + "}"

    return write_scalar


def make_encoder() -> Callable[[Any], str]:
    """Return a function from a value to JSON text in ASCII.

    None, bool, int, float, str, list, tuple and dict with str keys pass if their type is exactly that; any other value
    becomes `{"$type": "<name>"}`, and what is not finite `{"$float": "nan" | "inf" | "-inf"}`. The function raises
    UnencodableAnswer beyond MAX_DEPTH or MAX_NODES, and ValueError for an int too long to be written.
    """
    type_of, quote, join, items_of = type, json.encoder.encode_basestring_ascii, str.join, dict.items
    exact_str, exact_list, exact_tuple, exact_dict = str, list, tuple, dict
    write_scalar, max_depth, max_nodes, too_large = make_scalar_writer(), MAX_DEPTH, MAX_NODES, UnencodableAnswer

    def encode(root: Any) -> str:
        count = 0

        def write(value: Any, depth: int) -> str:
            nonlocal count
            count += 1
            if depth > max_depth or count > max_nodes:
                raise too_large
            kind = type_of(value)
            if kind is exact_list or kind is exact_tuple:
                return "[" + join(", ", [write(item, depth + 1) for item in value]) + "]"
            if kind is not exact_dict:
                return write_scalar(value)
            parts = []
            for key, item in items_of(value):
                if type_of(key) is not exact_str:
                    return '{"$type": "dict"}'
                parts.append(quote(key) + ": " + write(item, depth + 1))
            return "{" + join(", ", parts) + "}"

        return write(root, 0)

    return encode


def make_describer() -> Callable[[BaseException], tuple[str, str]]:
    """Return a function from an exception to the name of its class and the beginning of its text."""
    type_of, text_of, exact_str, limit, any_error = type, str, str, MAX_MESSAGE, BaseException
    name_of = type.__dict__["__name__"].__get__

    def describe(error: BaseException) -> tuple[str, str]:
        try:
            text = text_of(error)
        except any_error:  # __str__ is candidate code
            text = ""
        return name_of(type_of(error)), text[:limit] if type_of(text) is exact_str else ""

    return describe


def make_answerer(call: Callable[[str, list[Any]], Any]) -> Callable[[bytes], bytes]:
    """Return a function from a request line to its answer line, which has `call` do the work and never raises."""
    scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
    encode, describe, any_error, unencodable = make_encoder(), make_describer(), BaseException, UNENCODABLE

    def answer(line: bytes) -> bytes:
        try:
            request, _ = scan(line.decode("utf-8"), 0)
            try:
                reply = {"ok": call(request["fn"], request["args"])}
            except any_error as error:
                kind, message = describe(error)
                reply = {"error": kind, "message": message}
            return (encode(reply) + "\n").encode("ascii")
        except any_error:
            return unencodable

    return answer


def read_lines(read_end: int) -> Iterator[bytes]:
    """Yield the lines that come through a pipe, without their ends, until it is closed."""
    read = os.read
    waiting = b""
    while chunk := read(read_end, 65536):
        waiting += chunk
        while b"\n" in waiting:
            line, waiting = waiting.split(b"\n", 1)
            yield line


def load_call(path: Path) -> Callable[[str, list[Any]], Any]:
    """Return the function `call` of the task's driver; the driver imports nothing of the candidate's yet."""
    spec = importlib.util.spec_from_file_location("evalkit_driver", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    call: Callable[[str, list[Any]], Any] = module.call
    return call


def serve(read_end: int, write_end: int, call: Callable[[str, list[Any]], Any]) -> None:
    """Answer every line of `read_end` on `write_end`; returns when `read_end` is closed."""
    own_pid, get_pid, write, leave = os.getpid(), os.getpid, os.write, os._exit
    answer = make_answerer(call)
    for line in read_lines(read_end):
        rest = answer(line)
        if get_pid() != own_pid:
            leave(0)  # a child that the candidate forked: the parent answers
        while rest:
            rest = rest[write(write_end, rest) :]


def main() -> None:
    """Serve the two pipes of EVALKIT_PIPES, then leave at once, whatever threads and exit handlers are left behind."""
    leave, flushes, any_error = os._exit, (sys.stdout.flush, sys.stderr.flush), BaseException
    read_end, write_end = (int(part) for part in os.environ.pop("EVALKIT_PIPES").split(","))
    os.set_inheritable(read_end, False)  # noqa: FBT003 (the standard library's order of arguments)
    os.set_inheritable(write_end, False)  # noqa: FBT003
    sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry and "dist-packages" not in entry]
    call = load_call(Path(__file__).with_name("driver.py"))
    sys.path.append(str(Path.cwd()))
    code = 0
    try:
        serve(read_end, write_end, call)
    except any_error:  # a closed pipe, or what a candidate's signal handler raised between two calls
        code = 1
    for flush in flushes:
        try:
            flush()
        except any_error:  # the candidate closed it
            continue
    leave(code)


if __name__ == "__main__":
    main()
