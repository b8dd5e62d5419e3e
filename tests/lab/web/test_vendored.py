"""The browser libraries are those that the script took: every file by its hash, each with its licence."""

from __future__ import annotations

import hashlib
import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "evalkit" / "lab" / "web" / "vendored"
FOLDERS = (SHIPPED, ROOT / "tests" / "browser" / "axe")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_file_is_as_it_was_taken(folder: Path) -> None:
    libraries = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["libraries"]
    listed = {name: sha256 for library in libraries for name, sha256 in library["files"].items()}
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert found == listed


def test_the_manifests_say_what_the_script_says() -> None:
    table = {
        (library.name, library.version, library.sha512)
        for library in runpy.run_path(str(ROOT / "tools" / "vendor.py"))["LIBRARIES"]
    }
    listed = {
        (library["name"], library["version"], library["sha512"])
        for folder in FOLDERS
        for library in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["libraries"]
    }
    assert table == listed


def test_each_library_has_its_licence() -> None:
    for library in json.loads((SHIPPED / "manifest.json").read_text(encoding="utf-8"))["libraries"]:
        assert [name for name in library["files"] if name.endswith("/LICENSE")], library["name"]
        assert library["licence"] in {"0BSD", "MIT", "BSD-3-Clause", "Apache-2.0"}
