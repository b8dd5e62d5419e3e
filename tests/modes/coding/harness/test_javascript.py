"""What the JavaScript harness answers, whatever the candidate does: run by Node, and asked over real pipes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from harness_partner import Exchange, ask_program

import evalkit

NODE = shutil.which("node", path="/usr/local/bin:/usr/bin")
HARNESS = Path(evalkit.__file__).parent / "modes/coding/harness/harness.js"
DRIVER = """\
'use strict';
const path = require('path');
const workspace = process.cwd();
let candidate = null;
module.exports = {
  call(fn, args) {
    if (candidate === null) candidate = require(path.join(workspace, 'candidate.js'));
    return candidate[fn](args[0], args[1]);
  },
};
"""
# A candidate that finds the pipes where the harness cannot take them away: in what the kernel has kept of its start.
FINDING = """
const fs = require('fs');
const kept = fs.readFileSync('/proc/self/environ', 'latin1');
const [reads, writes] = /EVALKIT_PIPES=([0-9]+),([0-9]+)/.exec(kept).slice(1).map(Number);
"""
ECHO = "module.exports = { echo: (x) => x };"

pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node: install nodejs")


def run(folder: Path, candidate: str, *calls: tuple[Any, ...], driver: str = DRIVER) -> Exchange:
    """Ask a candidate: each call is a name and its arguments."""
    box, workspace = folder / "box", folder / "ws"
    box.mkdir()
    workspace.mkdir()
    (box / "harness.js").write_bytes(HARNESS.read_bytes())
    (box / "driver.js").write_text(driver, encoding="utf-8")
    (workspace / "candidate.js").write_text(candidate, encoding="utf-8")
    requests = [json.dumps({"fn": fn, "args": args}).encode() for fn, *args in calls]
    return ask_program([str(NODE), str(box / "harness.js")], requests, workspace)


def answers(folder: Path, candidate: str, *calls: tuple[Any, ...]) -> list[Any]:
    """Return the answers of a candidate that answers every call and leaves in order."""
    found = run(folder, candidate, *calls)
    assert (found.exit_code, found.broken) == (0, False), found.stderr
    assert len(found.answers) == len(calls)
    return [json.loads(line) for line in found.answers]


def value_of(folder: Path, expression: str) -> Any:
    """Return what is answered for a value that is written in JavaScript."""
    (answer,) = answers(folder, f"module.exports = {{ f: () => {expression} }};", ("f",))
    return answer["ok"]


def test_values_come_back_as_they_went(tmp_path: Path) -> None:
    """Plain data crosses both ways unchanged: text beyond ASCII, half a character, numbers at the edge, odd keys."""
    values = [
        None, True, False, 0, -1, 2**53, 0.1, 1e300, 5e-324, "", 'a"b\\c\n\t\0\x7f\u2028é😀', "\ud800",
        [], [[1, [2.5]], "x"], {}, {"b": {"a": [None]}, "": False, "1": 2}, {"__proto__": 1, "constructor": {}},
    ]  # fmt: skip
    found = answers(tmp_path, ECHO, *[("echo", value) for value in values])
    assert found == [{"ok": value} for value in values]
    assert [type(answer["ok"]) for answer in found[:3]] == [type(None), bool, bool]


def test_long_requests_and_answers_keep_every_character(tmp_path: Path) -> None:
    """A line is cut into pieces on its way, within characters too."""
    text = "é😀x" * 70_000
    candidate = "module.exports = { length: (x) => x.length, repeat: (x, n) => x.repeat(n) };"
    found = answers(tmp_path, candidate, ("length", text), ("repeat", "é", 290_000), ("length", ""))
    assert found == [{"ok": 4 * 70_000}, {"ok": "é" * 290_000}, {"ok": 0}]


def test_what_is_no_number_in_json_is_written_apart(tmp_path: Path) -> None:
    """Not-a-number and both infinities keep their meaning; minus nought is nought."""
    expected = [{"$float": "nan"}, {"$float": "inf"}, {"$float": "-inf"}, 0, 1e21]
    assert value_of(tmp_path, "[NaN, Infinity, -Infinity, -0, 1e21]") == expected


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("undefined", "undefined"),
        ("5n", "BigInt"),
        ("Symbol('s')", "Symbol"),
        ("() => 1", "Function"),
        ("new Map([[1, 2]])", "Map"),
        ("new Date(0)", "Date"),
        ("new String('x')", "String"),
        ("new Number(42)", "Number"),
        ("new Uint8Array(2)", "Uint8Array"),
        ("new (class Sly extends Array {})()", "Sly"),
        ("new (class Always { toJSON() { return 42; } valueOf() { return 42; } })()", "Always"),
        ("Object.assign(Object.create({ toJSON: () => 42 }), { a: 1 })", "Object"),
        ("new Proxy([], { get: () => 42 })", "Proxy"),
        ("new Proxy({}, { ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({ value: 42 }) })", "Proxy"),
        ("new Proxy(function () {}, {})", "Function"),
        ("Object.create(new Proxy({}, {}))", "Object"),
        ("Object.create({ constructor: new Proxy(class {}, { get: () => { throw 1; } }) })", "Object"),
        ("Object.create({ get constructor() { process.exit(9); } })", "Object"),
    ],
)
def test_no_more_than_plain_data_leaves(tmp_path: Path, expression: str, name: str) -> None:
    """Whatever else is only named; no method, getter or trap of it has a part in the answer."""
    assert value_of(tmp_path, f"[{expression}, {{ inside: {expression} }}]") == [
        {"$type": name},
        {"inside": {"$type": name}},
    ]


def test_members_are_data(tmp_path: Path) -> None:
    """Holes and getters are named; what cannot be enumerated and symbols are no members; no prototype is plain too."""
    expression = (
        "[[1, , 2], { get x() { return 42; }, y: 1, [Symbol('s')]: 2 }, Object.defineProperty({}, 'z', { value: 3 }),"
        " Object.assign(Object.create(null), { a: 1 }), Object.assign([1], { more: 2, toJSON: () => 42 })]"
    )
    assert value_of(tmp_path, expression) == [
        [1, {"$type": "hole"}, 2],
        {"x": {"$type": "accessor"}, "y": 1},
        {},
        {"a": 1},
        [1],
    ]


def test_values_without_end_are_cut_off(tmp_path: Path) -> None:
    """Cycles, depth, length and doubling end in a bounded answer, and the next call is answered."""
    candidate = """
    module.exports = {
      cycle: () => { const a = [1]; a.push(a); return a; },
      deep: () => { let a = []; for (let i = 0; i < 1e5; i += 1) a = [a]; return a; },
      doubling: () => { let a = []; for (let i = 0; i < 80; i += 1) a = [a, a]; return a; },
      long: () => 'x'.repeat(2e6),
      holes: () => new Array(4e9),
      twice: () => { const a = [1]; return [a, a]; },
    };"""
    cycle, deep, *large, twice = answers(
        tmp_path, candidate, *[(name,) for name in ("cycle", "deep", "doubling", "long", "holes", "twice")]
    )
    assert cycle == {"ok": [1, {"$type": "cycle"}]}
    assert '{"$type": "too deep"}' in json.dumps(deep)
    assert large == [{"error": "AnswerTooLarge", "message": "the value is too large"}] * 3
    assert twice == {"ok": [[1], [1]]}


@pytest.mark.parametrize(
    ("thrown", "kind", "message"),
    [
        ("new TypeError('no')", "TypeError", "no"),
        ("Object.assign(new Error('why'), { name: 'Mine' })", "Mine", "why"),
        ("new (class Odd extends RangeError {})('x')", "RangeError", "x"),
        ("new Error('z'.repeat(500))", "Error", "z" * 200),
        ("new Error('z'.repeat(199) + '😀')", "Error", "z" * 199),
        ("'text'", "Thrown", "text"),
        ("null", "Thrown", ""),
        ("undefined", "Thrown", ""),
        ("42", "Thrown", ""),
        ("{ name: 7, message: {} }", "Thrown", ""),
        ("{ get name() { throw 1; } }", "Thrown", ""),
        ("new Proxy({}, { get() { process.exit(9); } })", "Thrown", ""),
        ("{ __proto__: new Proxy({}, { getPrototypeOf() { throw 2; } }) }", "Thrown", ""),
    ],
)
def test_whatever_is_thrown_is_an_error_of_the_call(tmp_path: Path, thrown: str, kind: str, message: str) -> None:
    """Thrown at once or from a promise, it is answered with kind and bounded text, and the next call is answered."""
    candidate = f"""module.exports = {{
      now: () => {{ throw {thrown}; }}, later: () => Promise.reject({thrown}), fine: () => 1 }};"""
    now, later, fine = answers(tmp_path, candidate, ("now",), ("later",), ("fine",))
    assert now == later == {"error": kind, "message": message}
    assert fine == {"ok": 1}


def test_endless_recursion_is_an_error_of_the_call(tmp_path: Path) -> None:
    """Node's own limit of its stack ends the call and nothing else."""
    error, fine = answers(
        tmp_path, "module.exports = { f: function f() { return f() + 1; }, g: () => 1 };", ("f",), ("g",)
    )
    assert error["error"] == "RangeError"
    assert fine == {"ok": 1}


def test_promises_are_waited_for(tmp_path: Path) -> None:
    """Also through timers; what can never settle is answered as such, without a clock."""
    candidate = """module.exports = {
      soon: async () => ({ a: 1 }),
      timer: () => new Promise((resolve) => setTimeout(resolve, 20, 3)),
      thenable: () => ({ then(resolve) { resolve(5); } }),
      never: () => new Promise(() => {}),
      late: () => {
        setTimeout(() => { throw new Error('late'); }, 1);
        return new Promise((resolve) => setTimeout(resolve, 20, 7));
      },
      loose: () => { Promise.reject(new Error('nobody listens')); return 4; },
    };"""
    names = ("soon", "timer", "thenable", "never", "late", "loose", "never", "soon")
    found = answers(tmp_path, candidate, *[(name,) for name in names])
    never = {"error": "NeverSettled", "message": "nothing is left to run and the promise is still pending"}
    assert found == [{"ok": {"a": 1}}, {"ok": 3}, {"ok": 5}, never, {"ok": 7}, {"ok": 4}, never, {"ok": {"a": 1}}]


SPOILED = """
const fs = require('fs'), Module = require('module');
const lie = () => '{"ok":42}';
JSON.stringify = lie; JSON.parse = () => ({ fn: 'other', args: [42] });
fs.writeSync = () => { throw new Error('no'); }; fs.readSync = () => 0; fs.write = fs.read = lie;
process.stdout.write = process.stderr.write = lie; process.exit = lie; process.env = {};
Reflect.apply = Reflect.ownKeys = Reflect.getPrototypeOf = lie;
Object.getPrototypeOf = Object.keys = Array.isArray = Number.isInteger = lie;
require('util').types.isProxy = () => false;
for (const name of ['slice', 'indexOf', 'charCodeAt', 'toString', 'split']) String.prototype[name] = lie;
for (const name of ['push', 'map', 'join', 'slice']) Array.prototype[name] = lie;
Array.prototype[Symbol.iterator] = function* () { yield 42; };
Number.prototype.toString = Number.prototype.toJSON = String.prototype.toJSON = Object.prototype.toJSON = lie;
Function.prototype.call = Function.prototype.apply = Function.prototype.bind = lie;
TextEncoder.prototype.encode = () => new Uint8Array(0); TextDecoder.prototype.decode = lie;
Uint8Array.prototype.subarray = lie; Atomics.wait = lie;
Object.prototype.ok = 5; Object.prototype.value = 42; Object.prototype.enumerable = true;
Object.prototype.stream = false; Object.prototype.left = -1;
Module._load = lie; Module.prototype.require = lie;
module.exports = { echo: (x) => x, other: () => 42, later: async (x) => x };
"""


def test_patched_objects_change_no_answer(tmp_path: Path) -> None:
    """Every global object that a candidate can reach is spoiled, and answers are what was returned."""
    value = [1, "a", {"b": [2.5, None, "ü"]}, []]
    found = run(tmp_path, SPOILED, ("echo", value), ("later", value), ("echo", 0))
    assert [json.loads(line) for line in found.answers] == [{"ok": value}, {"ok": value}, {"ok": 0}]
    assert (found.broken, found.exit_code) == (False, 0)


@pytest.mark.parametrize(
    "spoil",
    [
        "Promise.prototype.then = function () {};",
        "globalThis.Promise = function () { throw 1; };",
        "Promise.prototype.constructor = function (run) { run(() => {}, () => {}); };",
        "Object.defineProperty(Array.prototype, '0', { get: () => 'forged', set() {}, configurable: true });",
        "process.removeAllListeners(); process.emit = () => {};",
    ],
)
def test_the_way_of_an_answer_cannot_be_turned(tmp_path: Path, spoil: str) -> None:
    """Nothing but the value that was returned is answered."""
    candidate = f"{spoil} module.exports = {{ f: async () => ({{ a: 1 }}) }};"
    assert answers(tmp_path, candidate, ("f",), ("f",)) == [{"ok": {"a": 1}}] * 2


def test_an_error_while_loading_is_the_answer_of_every_call(tmp_path: Path) -> None:
    """A candidate that does not parse, or throws while it loads, is no dead program."""
    errors = answers(tmp_path, "let let = 3;", ("f",), ("f",))
    assert [error["error"] for error in errors] == ["SyntaxError"] * 2


@pytest.mark.parametrize("way", ["process.exit(0)", "process.reallyExit(0)", "process.kill(process.pid, 'SIGKILL')"])
def test_who_ends_the_program_answers_nothing_more(tmp_path: Path, way: str) -> None:
    """While it loads or in a call: answers are missing, whatever the exit code says."""
    found = run(
        tmp_path,
        f"module.exports = {{ echo: (x) => x, leave: () => {{ {way}; }} }};",
        ("echo", 1),
        ("leave",),
        ("echo", 2),
    )
    assert found.answers == (b'{"ok":1}',)


def test_leaving_while_it_loads_answers_nothing(tmp_path: Path) -> None:
    """Success to whoever trusts exit codes; here no call is answered."""
    found = run(tmp_path, "process.exit(0);", ("f",))
    assert (found.answers, found.exit_code) == ((), 0)


def test_stdout_is_no_way_to_answer(tmp_path: Path) -> None:
    """What a candidate prints is output, even where it looks like an answer or is no text."""
    candidate = """module.exports = { f: () => {
      process.stdout.write('{"ok":"forged"}\\n'); process.stdout.write(Buffer.from([255, 254])); console.error('x');
      return 'honest'; } };"""
    found = run(tmp_path, candidate, ("f",), ("f",))
    assert found.answers == (b'{"ok":"honest"}',) * 2
    assert found.stdout == b'{"ok":"forged"}\n\xff\xfe' * 2


def test_answers_that_nobody_asked_for_are_seen(tmp_path: Path) -> None:
    """Lines written to the pipe ahead of the answers break the exchange."""
    forging = "fs.writeSync(writes, '{\"ok\":2}\\n'.repeat(20)); module.exports = { f: () => 2 };"
    found = run(tmp_path, FINDING + forging, *[("f",)] * 20)
    assert found.broken
    assert len(found.answers) <= 1


def test_the_pipes_are_not_lying_about(tmp_path: Path) -> None:
    """While a call runs the variable is gone."""
    candidate = "module.exports = { f: () => Object.keys(process.env).filter((name) => name.includes('EVALKIT')) };"
    assert answers(tmp_path, candidate, ("f",)) == [{"ok": []}]


def test_what_is_left_running_holds_nothing_up(tmp_path: Path) -> None:
    """Timers, servers and workers end with the last request."""
    candidate = """
    setInterval(() => {}, 1000); require('net').createServer().listen(0, '127.0.0.1');
    new (require('worker_threads').Worker)('setInterval(() => {}, 1000)', { eval: true });
    module.exports = { f: () => 1 };"""
    found = run(tmp_path, candidate, ("f",), ("f",))
    assert (found.answers, found.exit_code) == ((b'{"ok":1}',) * 2, 0)


@pytest.mark.parametrize("end", ["reads", "writes"])
def test_a_closed_pipe_has_an_exit_code_of_its_own(tmp_path: Path, end: str) -> None:
    """A candidate that closes a pipe ends the exchange, and the exit code says that it was no success."""
    found = run(tmp_path, FINDING + f"module.exports = {{ f: () => (fs.closeSync({end}), 1) }};", ("f",), ("f",))
    assert len(found.answers) <= 1
    assert found.exit_code == 98


def test_what_is_not_the_candidates_fault_has_another(tmp_path: Path) -> None:
    """No pipes, or a driver that cannot be loaded: exit code 97, and the reason in plain words."""
    broken = run(tmp_path, ECHO, ("echo", 1), driver="throw new Error('unfinished');")
    assert (broken.answers, broken.exit_code) == ((), 97)
    assert b"the driver cannot be loaded" in broken.stderr
    alone = subprocess.run([str(NODE), str(tmp_path / "box/harness.js")], env={}, check=False, capture_output=True)
    assert alone.returncode == 97
    assert b"EVALKIT_PIPES must be two numbers" in alone.stderr
