"""The system calls that a box may not make, as the program the kernel runs on every call (classic BPF).

A list of what is refused, not of what is allowed: compilers and runtimes use calls nobody thought of. What is refused
either makes memory that no limit sees, reaches other processes, keys or the kernel, or makes namespaces and mounts.
"""

from __future__ import annotations

import errno
import platform
import struct
from functools import cache

# name -> numbers on x86_64 and aarch64; None where the machine has no such call.
REFUSED: dict[str, tuple[int, int | None]] = {
    # memory that neither RLIMIT_DATA nor the resident size shows
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "userfaultfd": (323, 282),
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    # wide doors into the kernel
    "bpf": (321, 280), "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "syslog": (103, 116), "acct": (163, 89), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "swapon": (167, 224), "swapoff": (168, 225), "reboot": (169, 142), "vhangup": (153, 58),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "lookup_dcookie": (212, 18),
    "personality": (135, 92), "modify_ldt": (154, None), "ioperm": (173, None), "iopl": (172, None),
    "fanotify_init": (300, 262), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51), "pivot_root": (155, 41),
    "mount": (165, 40), "umount2": (166, 39), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "statmount": (457, 457), "listmount": (458, 458),
    # its flags lie in memory, where no filter can read them; libraries fall back to clone
    "clone3": (435, 435),
}  # fmt: skip
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_SOCKET = (41, 198)
_CLONE = (56, 220)
_FAMILIES = (1, 2, 10, 16)  # unix, inet, inet6, netlink
_NEW_NAMESPACE = 0x7E020000  # CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
_X32 = 0x40000000

_Step = tuple[int, int, int, int]
_ALLOW: _Step = (0x06, 0, 0, 0x7FFF0000)
_KILL: _Step = (0x06, 0, 0, 0x80000000)
_NO_SUCH_CALL: _Step = (0x06, 0, 0, 0x00050000 | errno.ENOSYS)
_NOT_PERMITTED: _Step = (0x06, 0, 0, 0x00050000 | errno.EPERM)


@cache
def filter_program(machine: str | None = None) -> bytes | None:
    """Return the filter for `machine` (default: this one), or None for a machine whose call numbers are not known."""
    known = _MACHINES.get(machine or platform.machine())
    if known is None:
        return None
    architecture, column = known
    steps: list[_Step] = [_load(4), _equal(architecture, 1, 0), _KILL, _load(0)]
    if column == 0:
        steps += [(0x35, 0, 1, _X32), _NOT_PERMITTED]
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            steps += [_equal(number, 0, 1), _NO_SUCH_CALL]
    steps += _only_families(_SOCKET[column])
    steps += [_equal(_CLONE[column], 0, 4), _load(16), (0x45, 0, 1, _NEW_NAMESPACE), _NOT_PERMITTED, _ALLOW]
    steps.append(_ALLOW)
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _only_families(socket: int) -> list[_Step]:
    """Return the steps that refuse a socket of any family but the four."""
    count = len(_FAMILIES)
    families = [_equal(family, count - at, 0) for at, family in enumerate(_FAMILIES)]
    return [_equal(socket, 0, count + 3), _load(16), *families, _NOT_PERMITTED, _ALLOW]


def _load(offset: int) -> _Step:
    """Load four bytes of what the kernel tells about the call: its number at 0, machine at 4, first argument at 16."""
    return (0x20, 0, 0, offset)


def _equal(value: int, jump: int, otherwise: int) -> _Step:
    """Skip `jump` steps when what was loaded is `value`, else `otherwise`."""
    return (0x15, jump, otherwise, value)
