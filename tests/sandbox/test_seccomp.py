"""The filter of system calls, run here by an interpreter of the kernel's little language."""

import errno
import struct

import pytest

from evalkit.sandbox.seccomp import REFUSED, filter_program

ALLOW, KILL = 0x7FFF0000, 0x80000000
NO_SUCH_CALL, NOT_PERMITTED = 0x00050000 | errno.ENOSYS, 0x00050000 | errno.EPERM
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
COLUMN = {"x86_64": 0, "aarch64": 1}
SOCKET = {"x86_64": 41, "aarch64": 198}
CLONE = {"x86_64": 56, "aarch64": 220}


def decide(machine: str, number: int, first: int = 0, architecture: int | None = None) -> int:
    """Return what the filter of `machine` says to a call."""
    program = filter_program(machine)
    assert program is not None
    steps = list(struct.iter_unpack("=HBBI", program))
    call = struct.pack("=iIQQ", number, architecture or MACHINES[machine], 0, first & (2**64 - 1))
    loaded = at = 0
    while True:
        code, jump, otherwise, value = steps[at]
        at += 1
        if code == 0x20:
            (loaded,) = struct.unpack_from("=I", call, value)
        elif code == 0x06:
            return int(value)
        else:
            met = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
            at += jump if met else otherwise


machines = pytest.mark.parametrize("machine", MACHINES)


@machines
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(machine: str, name: str) -> None:
    """As if the kernel did not have it, so that libraries fall back."""
    number = REFUSED[name][COLUMN[machine]]
    if number is not None:
        assert decide(machine, number) == NO_SUCH_CALL


@machines
def test_everything_else_is_allowed(machine: str) -> None:
    """Of all numbers there are, only those of the list are refused, beside sockets and clones of some kinds."""
    refused = {numbers[COLUMN[machine]] for numbers in REFUSED.values()} | {SOCKET[machine]}
    assert {decide(machine, number) for number in range(600) if number not in refused} == {ALLOW}


@machines
def test_sockets_of_four_families(machine: str) -> None:
    """Of all others none, whatever stands in the upper half of the register."""
    allowed = {family for family in range(64) if decide(machine, SOCKET[machine], family) == ALLOW}
    assert allowed == {1, 2, 10, 16}
    assert decide(machine, SOCKET[machine], 40 | 1 << 32) == NOT_PERMITTED


@machines
def test_processes_and_threads_but_no_namespaces(machine: str) -> None:
    """A thread's flags pass; each flag that makes a namespace does not, alone or among others."""
    thread = 0x3D0F00
    assert decide(machine, CLONE[machine], thread) == ALLOW
    for bit in (17, 25, 26, 27, 28, 29, 30):
        assert decide(machine, CLONE[machine], 1 << bit) == NOT_PERMITTED
        assert decide(machine, CLONE[machine], thread | 1 << bit) == NOT_PERMITTED


@machines
def test_calls_of_other_machines_end_the_process(machine: str) -> None:
    """Their numbers mean something else."""
    assert decide(machine, 0, architecture=0x40000003) == KILL


def test_the_second_set_of_numbers_of_x86_64() -> None:
    """The x32 calls reach the same kernel by other numbers."""
    assert decide("x86_64", 0x40000000 | 1) == NOT_PERMITTED


def test_a_machine_that_is_not_known_has_no_filter() -> None:
    """No filter is better than a wrong one; a box is not made then."""
    assert filter_program("riscv64") is None
