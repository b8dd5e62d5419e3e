"""Go's own packages, built once for a machine: without them, every build in a box begins by building them again.

Go brings them built up to 1.19. A later one builds what a program imports when it first does, into a cache that a box
has not, which takes ten times as long as all the rest of a small program's build. So the packages that programs
commonly import are built in a box, and each build has a copy of what came of it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

from evalkit.modes.coding.execution import Boxes
from evalkit.modes.coding.programs import GO_ENVIRONMENT, MIB, build_limits
from evalkit.modes.coding.task import Language, TaskLimits
from evalkit.modes.coding.toolchains import Toolchain
from evalkit.providers.cache import open_cache
from evalkit.sandbox.box import BoxJob
from evalkit.whole_files import write_whole

_log = logging.getLogger(__name__)

_BRINGS_THEM_BUILT = (1, 19)
_PACKAGES = (
    "bufio bytes cmp compress/gzip container/heap container/list container/ring context crypto/md5 crypto/rand "
    "crypto/sha1 crypto/sha256 encoding/base64 encoding/binary encoding/csv encoding/hex encoding/json encoding/xml "
    "errors fmt hash hash/crc32 hash/fnv html io io/fs iter log maps math math/big math/bits math/cmplx math/rand "
    "math/rand/v2 net/url os os/signal path path/filepath reflect regexp runtime runtime/debug slices sort strconv "
    "strings sync sync/atomic syscall testing text/tabwriter text/template time unicode "
    "unicode/utf16 unicode/utf8 unsafe"
)
# Those of them that this version has.
_BUILD = (
    'set -e; export GOCACHE=/ws/packages; "$1" build $("$1" list std | grep -x -F "$(echo "$2" | tr " " "\\n")"); '
    "tar cf packages.tar packages"
)
_LIMITS = replace(build_limits(TaskLimits(build_s=300), 1.0), file_bytes=512 * MIB, workspace_bytes=1024 * MIB)


def with_go_packages(
    toolchains: Mapping[Language, Toolchain], boxes: Boxes, folder: Path | None = None
) -> dict[Language, Toolchain]:
    """Return `toolchains`, that of Go with its packages where it does not bring them built; blocks.

    They are kept in `folder` (None: the cache between runs). Where they cannot be built, builds take their time.
    """
    found = dict(toolchains)
    go = toolchains.get(Language.GO)
    if go is not None and _numbers(go.version) > _BRINGS_THEM_BUILT:
        kept = open_cache().directory.parent / "go_packages" if folder is None else folder
        found[Language.GO] = replace(go, packages=_packages(go, boxes, kept / f"{_name(go)}.tar"))
    return found


def _packages(go: Toolchain, boxes: Boxes, path: Path) -> bytes:
    if path.is_file():
        return _read(path)
    _log.info("building the packages of go %s, once for this machine", go.version)
    command = ("/bin/sh", "-c", _BUILD, "build", go.program, _PACKAGES)
    job = BoxJob(
        command,
        {"go.mod": b"module packages\n"},
        environment=GO_ENVIRONMENT,
        read_only=go.read_only,
        collect="packages.tar",
        collect_bytes=_LIMITS.file_bytes,
    )
    result = boxes.sandbox.run(job, _LIMITS)
    if result.collected is None:
        said = result.stderr.decode(errors="replace")[-300:]
        _log.warning("the packages of go %s could not be built (%s): %s", go.version, result.ending, said)
        return b""
    try:
        write_whole(path, [result.collected])
    except OSError as error:
        _log.warning("the packages of go %s are not kept: %s", go.version, error)
    return result.collected


@cache
def _read(path: Path) -> bytes:
    return path.read_bytes()


def _name(go: Toolchain) -> str:
    return sha256("\0".join((go.program, go.version, _BUILD, _PACKAGES, *GO_ENVIRONMENT.values())).encode()).hexdigest()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
