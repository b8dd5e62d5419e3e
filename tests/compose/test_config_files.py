"""Files of configs are read as Hydra reads them, word for word, and sooner."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra._internal.core_plugins.file_config_source import FileConfigSource as HydrasSource
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from evalkit.compose.config_files import FileConfigSource
from evalkit.compose.planning import hydra_at
from evalkit.runner.jobs import packaged_source
from evalkit.settings.resources import resource_dir

CONF = resource_dir("conf")
ODD = """\
# @package _global_
# Numbers, dates and words that parsers of YAML read in different ways.
whole: [1, 01, 0o17, 0x1F, 1_000, -7, +7]
point: [1.5, .5, 1., 1e5, 1.5e-3, 1E5, 1_0.5, .inf, -.Inf, .nan, 190:20:30.15]
words: [yes, No, on, OFF, true, False, y, null, ~, "", 2026-01-02, 12:30, 1.2.3, '1e5', "a\\tb"]
empty:
text: |
  two
   lines
folded: >-
  one
  line
flow: {a: 1, b: [x, {c: d}], "e f": "${seed}"}
named: ${seed}
merged: &base {p: 1, q: 2}
more: {<<: *base, q: 3}
1: number
"""


def _pair(folder: Path, name: str) -> list[object]:
    return [
        # As they are written: whether a time of day is the same twice depends on when both are asked for it.
        (OmegaConf.to_container(loaded.config, resolve=False), loaded.header, loaded.path, loaded.provider)
        for loaded in (source("main", str(folder)).load_config(name) for source in (FileConfigSource, HydrasSource))
    ]


@pytest.mark.parametrize("name", sorted(path.relative_to(CONF).as_posix() for path in CONF.rglob("*.yaml")))
def test_every_shipped_file_says_what_it_says_to_hydra(name: str) -> None:
    """Its content, its package, and where it is from; also when it is read again."""
    for _ in range(2):
        ours, hydras = _pair(CONF, name)
        assert ours == hydras


@pytest.mark.parametrize("text", [ODD, "", "# @package a.b\n", "\ufeffa: 1\n", "a: ä€😀\r\nb: 2\r\n"])
def test_odd_texts_are_read_alike(tmp_path: Path, text: str) -> None:
    """With their types, too."""
    (tmp_path / "odd.yaml").write_text(text, encoding="utf-8", newline="")
    (ours, *told), (hydras, *also_told) = _pair(tmp_path, "odd")  # type: ignore[misc]
    assert repr(ours) == repr(hydras)
    assert told == also_told


WRONG = (
    "a: 1\na: 2\n", "a: [1\n", "a: 1\n b: 2\n", "a: !!python/object:os.x 1\n", "5\n", "[1, 2]\n", "word\n",
    b"a: \xff\n",
)  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_in_hydras_words(tmp_path: Path, text: str | bytes) -> None:
    """With the file and the place; and what Hydra takes for a config is one."""
    (tmp_path / "wrong.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    said = []
    for source in (FileConfigSource, HydrasSource):
        try:
            said.append(repr(source("main", str(tmp_path)).load_config("wrong").config))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is to be the same
            said.append(f"{type(error).__name__}: {error}")
    assert said[0] == said[1]


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    """As Hydra does, which goes on to look elsewhere."""
    with pytest.raises(Exception, match=r"Config not found : .*nowhere\.yaml"):
        FileConfigSource("main", str(tmp_path)).load_config("nowhere")


def test_what_was_parsed_once_is_nobodys_to_change(tmp_path: Path) -> None:
    """Hydra takes the defaults list out of what it gets; and a file that has changed is read as it is now."""
    source, file = FileConfigSource("main", str(tmp_path)), tmp_path / "one.yaml"
    file.write_text("defaults: [a]\nlist: [1]\n", encoding="utf-8")
    first = source.load_config("one").config
    first.pop("defaults")
    first["list"].append(2)
    assert source.load_config("one").config == {"defaults": ["a"], "list": [1]}
    file.write_text("defaults: [b]\nlist: [1]\n", encoding="utf-8")
    assert source.load_config("one").config == {"defaults": ["b"], "list": [1]}


def test_hydra_reads_the_shipped_folder_in_this_way() -> None:
    """And everything else in the ways of its own."""
    with hydra_at(packaged_source()):
        sources = GlobalHydra.instance().config_loader().get_sources()
    kinds = {source.path: type(source) for source in sources}
    assert kinds[str(CONF)] is FileConfigSource
    assert HydrasSource not in kinds.values()
