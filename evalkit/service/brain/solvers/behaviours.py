"""What a defective solution does, in every language, put into a file of any task so that the program still builds.

``snippets/LANGUAGE.txt`` has a section for each behaviour. It acts when the file is loaded: at the end of a module, in
an `init` of Go, in a static object of C++; in Rust, which loads nothing, at the beginning of every function.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_SNIPPETS = Path(__file__).parent / "snippets"
_SECTION = re.compile(r"^\[([a-z0-9-]+)\]\n", re.MULTILINE)
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "python": (".py",),
    "javascript": (".js", ".cjs"),
    "html": (".js", ".html"),
    "go": (".go",),
    "rust": (".rs",),
    "cpp": (".hpp", ".h", ".hh", ".cpp", ".cc", ".cxx"),
}
_GO_IMPORT = re.compile(r"^import .*\n", re.MULTILINE)
_GO_PACKAGE = re.compile(r"^package \w+.*\n", re.MULTILINE)
_RUST_INNER = re.compile(r"\A(?:[ \t]*(?://.*)?\n|#!\[[^\n]*\n)*")
_RUST_NO_UNSAFE = re.compile(r"^#!\[(?:forbid|deny)\(unsafe_code\)\]\n", re.MULTILINE)
_RUST_FUNCTION = re.compile(
    r'^[ \t]*(?:pub(?:\([^)]*\))?\s+)?(?:default\s+)?(?:async\s+)?(?:unsafe\s+)?(?:extern\s+"[^"]*"\s+)?fn\s+\w+',
    re.MULTILINE,
)
_HTML_END = re.compile(r"</body\s*>", re.IGNORECASE)


def with_behaviour(files: Mapping[str, str], language: str, name: str) -> dict[str, str]:
    """Return `files`, sources of one program, each with the behaviour `name` put into it."""
    made = dict(files)
    for path in sources(files, language):
        made[path] = _put(files[path], language, name, is_page=path.endswith(".html"))
    return made


def sources(files: Mapping[str, str], language: str) -> list[str]:
    """Return the files that are written in `language`; pages only where there is no script beside them."""
    for suffix in _SUFFIXES[language] if language == "html" else [_SUFFIXES[language]]:
        found = [path for path in files if path.endswith(suffix) and not path.endswith("_test.go")]
        if found:
            return found
    return []


def other_language(language: str) -> str:
    """Return a program in a language that is not the one asked for."""
    return snippets(language)["other-language"]


@cache
def snippets(language: str) -> Mapping[str, str]:
    """Return the sections of a language by name; a page has those of JavaScript, in the page's way."""
    _, *parts = _SECTION.split((_SNIPPETS / f"{language}.txt").read_text(encoding="utf-8"))
    own = dict(zip(parts[::2], parts[1::2], strict=True))
    return {**snippets("javascript"), **own} if language == "html" else own


def _put(text: str, language: str, name: str, *, is_page: bool) -> str:
    snippet = snippets(language)[name]
    text = text if text.endswith("\n") or not text else f"{text}\n"
    match language:
        case "go":
            imports, body = "".join(_GO_IMPORT.findall(snippet)), _GO_IMPORT.sub("", snippet).lstrip("\n")
            headed = _GO_PACKAGE.sub(lambda found: f"{found[0]}\n{imports}" if imports else found[0], text, count=1)
            return f"{headed}\n{body}"
        case "rust":
            return _put_rust(text, snippet)
        case "cpp":
            return f"{text}\n#ifndef EVALKIT_ACT\n#define EVALKIT_ACT\n{snippet}#endif\n"
        case "javascript" | "html":
            script = f";(() => {{\n{snippets(language)['preamble']}{snippet}}})();\n"
            if not is_page:
                return f"{text}\n{script}"
            place = max((found.start() for found in _HTML_END.finditer(text)), default=len(text))
            return f"{text[:place]}<script>\n{script}</script>\n{text[place:]}"
        case _:
            return f"{text}\n\n{snippet}"


def _put_rust(text: str, snippet: str) -> str:
    """Put a snippet at the beginning of every function of a file that runs, by a macro above all of them."""
    text = _RUST_NO_UNSAFE.sub("", text)
    made, place = [], 0
    for found in _RUST_FUNCTION.finditer(text):
        opening = _opening_brace(text, found.end())
        if opening is not None and found.start() >= place:
            made.append(f"{text[place : opening + 1]} evalkit_act!();")
            place = opening + 1
    made.append(text[place:])
    whole = "".join(made)
    head = _RUST_INNER.match(whole)
    start = head.end() if head else 0
    macro = f"#[allow(unused_macros)]\nmacro_rules! evalkit_act {{\n    () => {{{{\n{snippet}    }}}};\n}}\n\n"
    return f"{whole[:start]}{macro}{whole[start:]}"


def _opening_brace(text: str, start: int) -> int | None:
    """Return where a function's body begins; None where it has none."""
    depth = 0
    for place in range(start, len(text)):
        sign = text[place]
        depth += (sign in "([") - (sign in ")]")
        if depth == 0 and sign in "{;":
            return place if sign == "{" else None
    return None
