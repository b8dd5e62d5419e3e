"""Take the lab's browser libraries out of their npm packages: pinned, checked, and nothing fetched at run time.

``python tools/vendor.py`` asks ``npm pack`` for each package, refuses one whose sha512 is not the one below, takes the
members that pages use with their licence, and writes ``manifest.json`` with the sha256 of every file. A new version is
a change of the table, and of nothing else; ``npm view NAME@VERSION dist.integrity`` tells its sha512.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "evalkit" / "lab" / "web" / "vendored"
FOR_TESTS = ROOT / "tests" / "browser" / "axe"


@dataclass(frozen=True)
class Library:
    """An npm package, and what is taken of it.

    Attributes:
        name: Its name in the registry.
        version: The version that is shipped.
        sha512: Of the packed package, in base64, as lock files have it.
        licence: The licence's SPDX name.
        members: File in the package -> file name here.
        folder: The folder here.

    """

    name: str
    version: str
    sha512: str
    licence: str
    members: Mapping[str, str]
    folder: Path


LIBRARIES = (
    Library(
        "htmx.org",
        "4.0.1",
        "oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==",
        "0BSD",
        {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "LICENSE"},
        SHIPPED / "htmx",
    ),
    Library(
        "wavesurfer.js",
        "8.0.1",
        "h0OnRWSVTqIYLSw3/IVrBtsun/xw9L5u4FA3bjfSDTFMX/xswVWS1JwK4fFu3ulmxRUSHg8zQORl6zENG983eg==",
        "BSD-3-Clause",
        {
            "dist/wavesurfer.esm.js": "wavesurfer.esm.js",
            "dist/plugins/regions.esm.js": "regions.esm.js",
            "LICENSE": "LICENSE",
        },
        SHIPPED / "wavesurfer",
    ),
    Library(
        "uplot",
        "1.6.32",
        "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        "MIT",
        {"dist/uPlot.iife.min.js": "uPlot.iife.min.js", "dist/uPlot.min.css": "uPlot.min.css", "LICENSE": "LICENSE"},
        SHIPPED / "uplot",
    ),
    Library(
        "asciinema-player",
        "3.18.0",
        "5gpt2ipFcy4NKmgkv+c/QXnJ9zMicxqWROCOuJqgwwtiYKM8Qe9hnDOvfqke5bW6M2DW/seO3uQYkQ0xeUUVtw==",
        "Apache-2.0",
        {
            "dist/bundle/asciinema-player.min.js": "asciinema-player.min.js",
            "dist/bundle/asciinema-player.css": "asciinema-player.css",
            "LICENSE": "LICENSE",
        },
        SHIPPED / "asciinema",
    ),
    Library(
        "axe-core",
        "4.14.1",
        "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        "MPL-2.0",
        {"axe.min.js": "axe.min.js", "LICENSE": "LICENSE"},
        FOR_TESTS,
    ),
)


def main() -> int:
    """Write every library's files and the two manifests; return 1 where a package is not what it was."""
    for folder in (SHIPPED, FOR_TESTS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    manifests: dict[Path, list[dict[str, object]]] = {SHIPPED: [], FOR_TESTS: []}
    for library in LIBRARIES:
        with tempfile.TemporaryDirectory() as work:
            packed = fetch(library, Path(work))
            found = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode("ascii")
            if found != library.sha512:
                print(f"{library.name}@{library.version}: sha512 is {found}, expected {library.sha512}; nothing taken")
                return 1
            base = next(folder for folder in manifests if library.folder.is_relative_to(folder))
            manifests[base].append(take(library, packed, base))
    for base, libraries in manifests.items():
        text = json.dumps({"libraries": libraries}, indent=2) + "\n"
        (base / "manifest.json").write_text(text, encoding="utf-8")
    return 0


def fetch(library: Library, folder: Path) -> Path:
    """Return the packed package, as npm's client gets it."""
    command = ["npm", "pack", "--silent", f"{library.name}@{library.version}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (packed,) = folder.glob("*.tgz")
    return packed


def take(library: Library, packed: Path, base: Path) -> dict[str, object]:
    """Write the members of `library` and return its entry in the manifest of `base`."""
    library.folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, str] = {}
    with tarfile.open(packed) as archive:
        for member, name in library.members.items():
            stream = archive.extractfile(f"package/{member}")
            assert stream is not None, member
            content = stream.read()
            path = library.folder / name
            path.write_bytes(content)
            files[path.relative_to(base).as_posix()] = hashlib.sha256(content).hexdigest()
    return {
        "name": library.name,
        "version": library.version,
        "licence": library.licence,
        "sha512": library.sha512,
        "files": files,
    }


if __name__ == "__main__":
    sys.exit(main())
