"""What the program of a Go task answers, whatever the candidate does: really compiled, and asked over real pipes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness_partner import ask_program

import evalkit

GO = shutil.which("go")
HARNESS = Path(evalkit.__file__).parent / "modes/coding/harness/harness.go"
SETTINGS = {
    "GOFLAGS": "-mod=mod -buildvcs=false",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "GOENV": "off",
    "CGO_ENABLED": "0",
}

pytestmark = pytest.mark.skipif(GO is None, reason="needs the Go compiler: install golang-go")

# A candidate that spoils what it can reach of the standard library before main runs, and lies about itself.
CANDIDATE = """\
package solution

import (
	"encoding/base64"
	"errors"
	"io"
	"os"
	"strconv"
	"time"
	"unicode"
)

func init() {
	io.EOF = nil
	io.ErrUnexpectedEOF = nil
	os.Args = nil
	os.Stdout, os.Stderr, os.Stdin = nil, nil, nil
	strconv.ErrSyntax, strconv.ErrRange = errors.New("no"), nil
	base64.StdEncoding = nil
	time.Local = nil
	unicode.Letter = nil
}

// Number is always 42 to whoever asks it.
type Number int

func (Number) MarshalJSON() ([]byte, error) { return []byte("42"), nil }
func (Number) String() string               { return "42" }

// Liar has no text.
type Liar struct{}

func (Liar) Error() string                { panic("asked for a text") }
func (Liar) MarshalJSON() ([]byte, error) { return []byte("42"), nil }

func Recurse(depth int) int { return Recurse(depth+1) + 1 }
"""

# Go must not run it: it would end the program with success.
TEST_FILE = """\
package solution

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(0) }
"""

DRIVER = """\
package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"task/solution"
)

func call(name string, args []any) (any, error) {
	switch name {
	case "echo":
		return args[0], nil
	case "kinds":
		kinds := []string{}
		for _, value := range asList(args[0]) {
			kinds = append(kinds, fmt.Sprintf("%T", value))
		}
		return kinds, nil
	case "helpers":
		return []any{asInt(args[0]), asFloat(args[0]), asInts(args[1]), asStrings(args[2]), asBool(args[3])}, nil
	case "exact":
		return []any{
			1, int32(2), int64(3), uint8(4), uint32(5), uint64(math.MaxUint64), 6.0, 0.1, 1e300,
			math.Inf(-1), math.NaN(), []int{1}, [][]int{{1}, nil}, []float64{2}, []bool{true},
			[]string(nil), map[string]int{"b": 2, "a": 1},
		}, nil
	case "own types":
		number := 1
		return []any{
			solution.Number(1), solution.Liar{}, []solution.Number{1}, map[string]any{"inside": solution.Number(1)},
			&number, complex(1, 1), func() {}, map[int]int{}, errors.New("x"),
		}, nil
	case "not text":
		return []any{"a\\xff", map[string]any{"\\xff": 1}}, nil
	case "endless":
		list := []any{nil}
		list[0] = list
		return list, nil
	case "panic":
		panic(args[0])
	case "panic with an error":
		panic(fmt.Errorf("number %d", 7))
	case "panic without text":
		panic(solution.Liar{})
	case "panic of the runtime":
		var values []int
		return values[asInt(args[0])], nil
	case "panic with nothing":
		panic(nil)
	case "leave":
		runtime.Goexit()
	case "error":
		return nil, errors.New(strings.Repeat("é", 300))
	case "named error":
		return nil, Failure{"ErrKind", "why\\n\\xff"}
	case "error without text":
		return nil, solution.Liar{}
	case "print":
		os.Stdout = os.NewFile(1, "stdout")
		fmt.Println(`{"ok":"forged"}`)
		return "honest", nil
	case "variable":
		_, found := os.LookupEnv("EVALKIT_PIPES")
		return found, nil
	case "children":
		count := `n=0; for f in /proc/$$/fd/*; do if [ -p $f ]; then n=$((n+1)); fi; done; exit $n`
		command := exec.Command("/bin/sh", "-c", count)
		err := command.Run()
		return command.ProcessState.ExitCode(), ignored(err)
	case "exit":
		os.Exit(0)
	case "recurse":
		return solution.Recurse(0), nil
	case "wait":
		select {}
	case "panic elsewhere":
		go func() { panic("elsewhere") }()
		select {}
	}
	return nil, Failure{"unknown", name}
}

// ignored drops an exit code, which the answer says.
func ignored(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}
"""

Build = Callable[[str, str], Path]


@dataclass(frozen=True)
class Exchange:
    """What a program answered to a list of calls, and how it ended."""

    answers: list[Any]
    broken: bool
    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A function that builds the program of a candidate and a driver."""
    cache = tmp_path_factory.mktemp("go")

    def built(candidate: str, driver: str) -> Path:
        folder = tmp_path_factory.mktemp("task")
        files = {
            "go.mod": "module task\n\ngo 1.19\n",
            "solution/solution.go": candidate,
            "solution/solution_test.go": TEST_FILE,
            "evalkit_box/driver.go": driver,
            "evalkit_box/harness.go": HARNESS.read_text(encoding="utf-8"),
        }
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
        environment = {"PATH": os.environ["PATH"], "HOME": str(cache), "GOCACHE": str(cache / "build"), **SETTINGS}
        subprocess.run(
            [str(GO), "build", "-o", "out/program", "./evalkit_box"],
            cwd=folder,
            env=environment,
            check=True,
            timeout=280,
        )
        return folder / "out/program"

    return built


@pytest.fixture(scope="module")
def program(build: Build) -> Path:
    """The program of the candidate that spoils what it can reach."""
    return build(CANDIDATE, DRIVER)


def exchange(program: Path, *calls: tuple[str, Sequence[Any]]) -> Exchange:
    """Ask a program, one call after the other, as evalkit does."""
    requests = [json.dumps({"fn": name, "args": args}).encode() for name, args in calls]
    found = ask_program([program], requests, program.parent)
    answers = [json.loads(answer) for answer in found.answers]
    stdout, stderr = found.stdout.decode(), found.stderr.decode(errors="replace")
    return Exchange(answers, found.broken, found.exit_code, stdout, stderr)


def ask(program: Path, name: str, *args: Any) -> Any:
    """Return the one answer to a call, which a second, honest call after it must not disturb."""
    result = exchange(program, (name, args), ("echo", ["after"]))
    assert result.exit_code == 0, result.stderr
    assert result.answers[1] == {"ok": "after"}
    return result.answers[0]


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -1, 2**63 - 1, -(2**63), 2.0, -0.5, 1e300, 5e-324, "", "a\"b\\c\n\t\0\x7f\u2028é😀",
        [], [[1, [2.5]], "x"], {}, {"b": {"a": [None]}, "": False}, {"$float": "nan"}, {"$float": "-inf"},
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_comes_back_as_it_went(program: Path, value: Any) -> None:
    """Values of JSON pass unchanged, whole numbers as whole numbers and floats as floats."""
    answer = ask(program, "echo", value)["ok"]
    assert json.dumps(answer, sort_keys=True) == json.dumps(value, sort_keys=True)


def test_whole_numbers_are_whole_and_the_others_are_not(program: Path) -> None:
    """A driver may rely on int64 for whole numbers, and on float64 for what has a point or does not fit."""
    assert ask(program, "kinds", [1, 1.0, 2**63, {"$float": "inf"}]) == {
        "ok": ["int64", "float64", "float64", "float64"]
    }


def test_what_drivers_use_to_read_arguments(program: Path) -> None:
    """The functions for drivers give Go's types."""
    assert ask(program, "helpers", *[3, [1, 2], ["a"], True]) == {"ok": [3, 3.0, [1, 2], ["a"], True]}


def test_predeclared_types_are_written_exactly(program: Path) -> None:
    """Every number, list and object of Go's own types is written as what it is; a nil list is an empty one."""
    answer = ask(program, "exact")["ok"]
    assert json.dumps(answer[:9]) == json.dumps([1, 2, 3, 4, 5, 2**64 - 1, 6.0, 0.1, 1e300])
    assert answer[9:11] == [{"$float": "-inf"}, {"$float": "nan"}]
    assert answer[11:] == [[1], [[1], []], [2.0], [True], [], {"a": 1, "b": 2}]


def test_a_candidates_own_types_are_only_named(program: Path) -> None:
    """A type that writes itself as whatever is wanted is worth nothing: no method of it is called."""
    assert ask(program, "own types")["ok"] == [
        {"$type": "solution.Number"},
        {"$type": "solution.Liar"},
        {"$type": "[]solution.Number"},
        {"inside": {"$type": "solution.Number"}},
        {"$type": "*int"},
        {"$type": "complex128"},
        {"$type": "func()"},
        {"$type": "map[int]int"},
        {"$type": "*errors.errorString"},
    ]


def test_bytes_that_are_no_text_match_no_text(program: Path) -> None:
    """A string that is not UTF-8 is not mended into one that could be right."""
    first, second = ask(program, "not text")["ok"]
    assert list(first) == list(second) == ["$type"]


def test_a_list_that_holds_itself_is_cut_off(program: Path) -> None:
    """A value without end becomes an answer of one line that matches nothing."""
    assert "too deep" in json.dumps(ask(program, "endless"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("panic", "boom"),
        ("panic with an error", "number 7"),
        ("panic without text", "solution.Liar"),
        ("panic of the runtime", "index out of range"),
        ("panic with nothing", ""),
        ("leave", "without returning"),
        ("error without text", "asked for a text"),
    ],
)
def test_a_panic_ends_the_call_and_not_the_program(program: Path, name: str, message: str) -> None:
    """A call that panics, or leaves its goroutine, is answered as such, and the next call is answered too."""
    answer = ask(program, name, "boom" if name == "panic" else 5)
    assert answer["error"] == "panic"
    assert message in answer["message"]


def test_errors_have_a_kind_and_a_short_text(program: Path) -> None:
    """A driver names the kind of an error; texts are cut at 200 characters and are text."""
    assert ask(program, "error") == {"error": "error", "message": "é" * 200}
    assert ask(program, "named error") == {"error": "ErrKind", "message": "why\n\ufffd"}


def test_stdout_is_no_way_to_answer(program: Path) -> None:
    """What a candidate prints, even a line that looks like an answer, is output and nothing else."""
    result = exchange(program, ("print", []), ("echo", [1]))
    assert result.answers == [{"ok": "honest"}, {"ok": 1}]
    assert "forged" in result.stdout


def test_the_pipes_are_not_handed_on(program: Path) -> None:
    """While a call runs the variable is gone, and a program that the candidate starts has no pipe."""
    assert ask(program, "variable") == {"ok": False}
    assert ask(program, "children") == {"ok": 0}


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [("exit", 0, ""), ("recurse", 2, "stack"), ("wait", 2, "deadlock"), ("panic elsewhere", 2, "elsewhere")],
)
def test_who_ends_the_program_answers_nothing_more(program: Path, name: str, exit_code: int, said: str) -> None:
    """os.Exit, endless recursion, a deadlock, a panic of another goroutine: answers are missing, and soon."""
    result = exchange(program, ("echo", [1]), (name, []), ("echo", [2]))
    assert result.answers == [{"ok": 1}]
    assert result.exit_code == exit_code
    assert said in result.stderr


def with_init(body: str, *imports: str) -> str:
    """Return a candidate that does something before main runs."""
    names = "".join(f'\t"{name}"\n' for name in imports)
    return f"package solution\n\nimport (\n{names})\n\nfunc init() {{\n{body}\n}}\n\nfunc Two() int {{ return 2 }}\n"


SMALL_DRIVER = """\
package main

import "task/solution"

func call(name string, args []any) (any, error) { return solution.Two(), nil }
"""


def test_ending_before_main_answers_nothing(build: Build) -> None:
    """os.Exit(0) in init looks like success to who trusts exit codes; here it gives no answer at all."""
    result = exchange(build(with_init("\tos.Exit(0)", "os"), SMALL_DRIVER), ("two", []))
    assert (result.answers, result.exit_code) == ([], 0)


def test_closed_pipes_answer_nothing(build: Build) -> None:
    """A candidate that closes every descriptor before main gets no answers, and an exit code that says so.

    The pipes are numbered after what the process that asks holds open, which may be much.
    """
    body = "\tfor descriptor := 0; descriptor < 4096; descriptor++ {\n\t\t_ = syscall.Close(descriptor)\n\t}"
    result = exchange(build(with_init(body, "syscall"), SMALL_DRIVER), ("two", []))
    assert result.answers == []
    assert result.exit_code == 3


def test_answers_that_nobody_asked_for_are_seen(build: Build) -> None:
    """Lines written to the pipe ahead of the requests break the exchange: none of them is taken for a second answer."""
    body = (
        '\tnumbers := strings.Split(os.Getenv("EVALKIT_PIPES"), ",")\n'
        "\tdescriptor, _ := strconv.Atoi(numbers[1])\n"
        '\t_, _ = syscall.Write(descriptor, []byte(strings.Repeat("{\\"ok\\":2}\\n", 20)))'
    )
    program = build(with_init(body, "os", "strconv", "strings", "syscall"), SMALL_DRIVER)
    result = exchange(program, *[("two", [])] * 20)
    assert result.broken
    assert len(result.answers) <= 1


def test_an_honest_candidate_beside_a_test_file_is_answered(build: Build) -> None:
    """A TestMain in the workspace is never run, and missing pipes are an exit code, not a panic."""
    program = build("package solution\n\nfunc Two() int { return 2 }\n", SMALL_DRIVER)
    assert exchange(program, ("two", [])).answers == [{"ok": 2}]
    assert subprocess.run([program], env={}, check=False, capture_output=True, timeout=30).returncode == 3
