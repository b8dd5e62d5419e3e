"""Behaviours are put where they act and where the program still builds."""

from __future__ import annotations

import ast

import pytest

from evalkit.service.brain.solvers.behaviours import other_language, snippets, sources, with_behaviour

LANGUAGES = ("python", "javascript", "html", "go", "rust", "cpp")
BEHAVIOURS = ("exit0", "forger", "equal-all", "loop", "hog", "forker", "flood", "latin1")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_behaviour(language: str) -> None:
    """And a text in another language."""
    assert set(snippets(language)) >= {*BEHAVIOURS, "other-language"}
    assert other_language(language).strip()


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_python_stays_python(name: str) -> None:
    """Behind what the module has, a missing newline at its end included."""
    made = with_behaviour({"m.py": '"""Doc."""\nfrom __future__ import annotations\nx = 1'}, "python", name)["m.py"]
    assert ast.parse(made)
    assert made.startswith('"""Doc."""\nfrom __future__ import annotations\nx = 1\n')


def test_go_imports_stand_below_the_package() -> None:
    """Under names of their own; comments above it do not count."""
    made = with_behaviour({"a/x.go": "// package old\n\npackage a // why\n\nvar x = 1\n"}, "go", "exit0")["a/x.go"]
    assert made.startswith('// package old\n\npackage a // why\n\nimport evalkitos "os"\n\nvar x = 1\n')
    assert made.endswith("func init() {\n\tevalkitos.Exit(0)\n}\n")


def test_rust_acts_in_every_function_that_runs() -> None:
    """Not in constants, declarations or comments, and below what must stand first."""
    text = (
        "//! Doc.\n#![forbid(unsafe_code)]\n#![warn(missing_docs)]\n\npub const fn one() -> u8 { 1 }\n"
        "/// Calls `fn x() {`.\npub fn two(a: [u8; 2]) -> u8\nwhere\n    u8: Copy,\n{\n    1\n}\n"
        "trait T {\n    fn none(&self);\n    fn some(&self) {}\n}\n"
    )
    made = with_behaviour({"src/lib.rs": text}, "rust", "loop")["src/lib.rs"]
    assert made.startswith("//! Doc.\n#![warn(missing_docs)]\n\n#[allow(unused_macros)]\nmacro_rules! evalkit_act")
    assert made.count("evalkit_act!();") == 2
    assert "u8: Copy,\n{ evalkit_act!();" in made
    assert "fn some(&self) { evalkit_act!();}" in made


def test_pages_get_it_in_their_scripts() -> None:
    """Else in a script at the end of the body."""
    files = {"index.html": "<html><body><p>x</p></body></html>", "app.js": "const x = 1;"}
    assert with_behaviour(files, "html", "loop")["index.html"] == files["index.html"]
    assert with_behaviour(files, "html", "loop")["app.js"].startswith("const x = 1;\n\n;(() => {\n")
    made = with_behaviour({"index.html": files["index.html"]}, "html", "loop")["index.html"]
    assert made.startswith("<html><body><p>x</p><script>\n;(() => {\n")
    assert made.endswith("</script>\n</body></html>\n")


def test_cpp_headers_may_be_included_twice() -> None:
    """Once behind their own guard, once without."""
    made = with_behaviour({"x.hpp": "#pragma once\n"}, "cpp", "exit0")["x.hpp"]
    assert made.startswith("#pragma once\n\n#ifndef EVALKIT_ACT\n#define EVALKIT_ACT\n#include <unistd.h>\n")


def test_files_that_are_no_sources_stay() -> None:
    """Nor are Go's tests, which are never built."""
    files = {"a.go": "package a\n", "a_test.go": "package a\n", "go.mod": "module task\n", "README.md": "x"}
    made = with_behaviour(files, "go", "loop")
    assert [path for path in files if made[path] != files[path]] == ["a.go"]
    assert sources({"x.css": ""}, "html") == []
