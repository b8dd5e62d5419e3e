"""What programs of Rust and C++ tasks answer, whatever the candidate does: really compiled, asked over real pipes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from harness_partner import ask_program

import evalkit

HARNESS = Path(evalkit.__file__).parent / "modes/coding/harness"
RUSTC, GXX = shutil.which("rustc"), shutil.which("g++")

RUST_CANDIDATE = """\
pub struct Bad;
impl Drop for Bad {
    fn drop(&mut self) {
        panic!("and again")
    }
}
pub fn spoil() {
    std::panic::panic_any(Bad)
}
"""

RUST_DRIVER = """\
use crate::{argument, Failure, Value};

pub fn call(name: &str, args: &[Value]) -> Result<Value, Failure> {
    match name {
        "echo" => Ok(argument(args, 0)?.clone()),
        "small" => Ok(argument(args, 0)?.int::<u8>()?.into()),
        "own" => Ok(vec![Value::from((1u8, -2.5, "x")), None::<bool>.into(), Value::object([("k", ().into())])].into()),
        "long" => panic!("{}", "é".repeat(300)),
        "spoil" => Ok(task::spoil().into()),
        "named" => Err(Failure::new("ErrKind", "why\\n")),
        "variable" => Ok(std::env::var_os("EVALKIT_PIPES").is_some().into()),
        "low descriptors" => {
            let open = |n: &i32| std::fs::metadata(format!("/proc/self/fd/{}", n)).is_ok();
            Ok((3..20).filter(open).count().into())
        }
        "print" => {
            println!("ok i1");
            Ok("honest".into())
        }
        "exit" => std::process::exit(0),
        other => Err(Failure::bad_call(format!("no function {}", other))),
    }
}
"""

CPP_CANDIDATE = """\
#pragma once
#include <cstdlib>
#include <stdexcept>
#define main nobody
#define encode_text nothing
inline void spoil() { throw 5; }
"""

CPP_DRIVER = """\
#include <unistd.h>
#include "harness.hpp"
#include "candidate.hpp"

Value call(const std::string& fn, const std::vector<Value>& args) {
    if (fn == "echo") return args.at(0);
    if (fn == "small") return args.at(0).size();
    if (fn == "own") return Value::List{Value::List{1, -2.5, "x"}, nullptr, Value::Object{{"k", nullptr}}};
    if (fn == "long") {
        std::string text;
        for (int index = 0; index < 300; ++index) text += "\\u20ac";
        throw std::out_of_range(text);
    }
    if (fn == "spoil") spoil();
    if (fn == "named") throw Failure{"ErrKind", "why\\n"};
    if (fn == "variable") return std::getenv("EVALKIT_PIPES") != nullptr;
    if (fn == "low descriptors") {
        int count = 0;
        for (int number = 3; number < 20; ++number) {
            count += ::access(("/proc/self/fd/" + std::to_string(number)).c_str(), F_OK) == 0;
        }
        return count;
    }
    if (fn == "print") {
        std::puts("ok i1");
        return "honest";
    }
    if (fn == "exit") std::exit(0);
    throw Failure::bad_call("no function " + fn);
}
"""


def _build_rust(folder: Path) -> None:
    (folder / "lib.rs").write_text(RUST_CANDIDATE, encoding="utf-8")
    (folder / "driver.rs").write_text(RUST_DRIVER, encoding="utf-8")
    shutil.copy(HARNESS / "harness.rs", folder)
    base = [str(RUSTC), "--edition", "2021"]
    library = [*base, "--crate-name", "task", "--crate-type", "rlib", "lib.rs", "-o", "libtask.rlib"]
    program = [*base, "--crate-name", "program", "--extern", "task=libtask.rlib", "harness.rs", "-o", "program"]
    for command in (library, program):
        subprocess.run(command, cwd=folder, check=True, timeout=280)


def _build_cpp(folder: Path) -> None:
    (folder / "candidate.hpp").write_text(CPP_CANDIDATE, encoding="utf-8")
    (folder / "driver.hpp").write_text(CPP_DRIVER, encoding="utf-8")
    for name in ("harness.cpp", "harness.hpp"):
        shutil.copy(HARNESS / name, folder)
    command = [str(GXX), "-std=c++20", "-pthread", "harness.cpp", "-o", "program"]
    subprocess.run(command, cwd=folder, check=True, timeout=280)


@pytest.fixture(scope="module", params=["rust", "cpp"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of a candidate that spoils what it can reach, in each of the two languages."""
    needed = {"rust": RUSTC, "cpp": GXX}[request.param]
    if needed is None:
        pytest.skip(f"needs the compiler of {request.param}: install rustc and g++")
    folder = tmp_path_factory.mktemp(request.param)
    {"rust": _build_rust, "cpp": _build_cpp}[request.param](folder)
    return folder / "program"


def exchange(program: Path, *requests: str) -> tuple[list[str], int, str]:
    """Ask a program, one line after the other, as evalkit does; its answers, exit code and output."""
    found = ask_program([program], [request.encode() for request in requests], program.parent)
    assert not found.broken
    return [answer.decode() for answer in found.answers], found.exit_code, found.stdout.decode()


def ask(program: Path, request: str) -> str:
    """Return the answer to a line, which an honest call after it must not disturb."""
    answers, code, _ = exchange(program, request, "call secho a1 safter")
    assert (answers[1:], code) == (["ok safter"], 0)
    return answers[0]


@pytest.mark.parametrize(
    "value",
    [
        "n", "t", "f", "i0", f"i{2**63 - 1}", f"i-{2**63}", "d-0.5", "d0.1", "dnan", "dinf", "d-inf", "s", "a0", "o0",
        "sa%20%25%0A%7E%C3%A9%F0%9F%98%80", "a2 i1 a1 a0", "o2 sb a1 n s o1 sx f",
    ],
)  # fmt: skip
def test_a_value_comes_back_as_it_went(program: Path, value: str) -> None:
    """Every kind of value passes unchanged, at the edges of its range too."""
    assert ask(program, f"call secho a1 {value}") == f"ok {value}"


@pytest.mark.parametrize("value", ["d1e300", "d5e-324", "d-0", "d12345678.9", "i7"])
def test_a_number_keeps_its_value_and_its_kind(program: Path, value: str) -> None:
    """However a float is written, it is the same one; a whole number stays whole."""
    answer = ask(program, f"call secho a1 {value}").removeprefix("ok ")
    assert (answer[0], repr(float(answer[1:]))) == (value[0], repr(float(value[1:])))


def test_what_a_driver_makes(program: Path) -> None:
    """Drivers build values of nested lists, nothing and objects."""
    assert ask(program, "call sown a0") == "ok a3 a3 i1 d-2.5 sx n o1 sk n"


def test_a_failure_has_the_kind_that_its_driver_names(program: Path) -> None:
    """The kind is what is compared; the message is for people."""
    assert ask(program, "call snamed a0") == "error sErrKind swhy%0A"


@pytest.mark.parametrize(
    "request_line",
    ["call ssmall a1 i-1", "call snone a0", "call secho", "call secho a2 i1", "cal", "", "call secho a1 x9"],
)
def test_a_call_that_cannot_be_made_is_the_tasks_own_mistake(program: Path, request_line: str) -> None:
    """A driver's or a line's mistake is not taken for an answer of the candidate."""
    assert ask(program, request_line).startswith("error sBadCall s")


def test_what_the_candidate_throws_is_an_answer(program: Path) -> None:
    """A panic whose payload panics again when dropped, or an exception that is none of the library's, ends nothing."""
    assert ask(program, "call sspoil a0").split(" ")[:2] in (["error", "sPanic"], ["error", "sunknown"])


def test_a_long_message_is_cut_between_characters(program: Path) -> None:
    """At most 200 characters or bytes, still UTF-8."""
    kind, message = ask(program, "call slong a0").split(" ")[1:]
    assert (kind, message) in [("sPanic", "s" + "%C3%A9" * 200), ("sout_of_range", "s" + "%E2%82%AC" * 66)]


def test_the_pipes_are_out_of_the_way(program: Path) -> None:
    """No variable names them any more, and no low descriptor is one of them."""
    assert ask(program, "call svariable a0") == "ok f"
    assert ask(program, "call slow%20descriptors a0") == "ok i0"


def test_output_of_the_candidate_is_no_answer(program: Path) -> None:
    """What looks like an answer on the standard output stays there."""
    answers, code, stdout = exchange(program, "call sprint a0")
    assert (answers, code, stdout) == (["ok shonest"], 0, "ok i1\n")


def test_a_program_that_ends_itself_answers_nothing_more(program: Path) -> None:
    """Success said by an exit code is no answer."""
    answers, code, _ = exchange(program, "call secho a1 n", "call sexit a0", "call secho a1 n")
    assert (answers, code) == (["ok n"], 0)
