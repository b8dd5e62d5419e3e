"""What runs in a box before its command does: the few lines of shell that unpack, set limits, and tell the start."""

from __future__ import annotations

import resource

from evalkit.sandbox.box import BoxLimits

# $1 is what marks the start on stderr. The kernel is told whom to end first when memory runs out.
ANNOUNCE = """{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null
printf %s "$1" >&2
shift
"""
RUN = 'exec "$@" </dev/null\n'


def limit_lines(limits: BoxLimits, *, count_processes: bool) -> str:
    """Return the lines that set the limits of a process and all that come from it, by the shell itself.

    CPU time ends a process by SIGXCPU, which can be told from other ends, and a second later for good. Where the shell
    is limited already, the lower limit stays.
    """
    cpu_s = _at_most(resource.RLIMIT_CPU, limits.cpu_s)
    lines = [
        "set -e",
        "ulimit -c 0",
        f"ulimit -d {_at_most(resource.RLIMIT_DATA, limits.data_bytes) // 1024}",
        f"ulimit -f {_at_most(resource.RLIMIT_FSIZE, limits.file_bytes) // 512}",
        f"ulimit -n {_at_most(resource.RLIMIT_NOFILE, limits.open_files)}",
        f"ulimit -S -t {cpu_s}",
        f"ulimit -H -t {_at_most(resource.RLIMIT_CPU, cpu_s + 1)}",
    ]
    if count_processes:
        processes = _at_most(resource.RLIMIT_NPROC, limits.processes)
        lines.append(f"ulimit -p {processes} 2>/dev/null || ulimit -u {processes}")  # dash, then bash
    return "\n".join([*lines, "set +e", ""])


def _at_most(which: int, wanted: int) -> int:
    """Return what is wanted, or the limit that this process may not raise."""
    hard = resource.getrlimit(which)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
