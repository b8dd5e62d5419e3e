"""The known defects of the demo agent, and by what each is caught: the table of docs/terminal_defects.md."""

from __future__ import annotations

from dataclasses import dataclass

from held_sessions import Wanted

from evalkit.modes.terminal.demo.agent import VARIANTS

HEADLESS, PTY, ACP = "headless", "pty", "acp"
EVERYWHERE, WITH_A_USER, AT_A_TERMINAL = (HEADLESS, PTY, ACP), (PTY, ACP), (PTY,)


@dataclass(frozen=True)
class DefectRow:
    """A variant, the case in which it shows, and what must find it.

    Attributes:
        variant: Of the demo agent.
        case_id: A shipped case.
        caught_by: Checks of the case, or an ending ``stage/kind``: all of them must find it. Empty: it must pass.
        also: What may fail as a consequence.
        transports: Over which it shows.
        headless: What it ends with where there is no terminal, and so no time between two prompts.

    """

    variant: str
    case_id: str
    caught_by: frozenset[str]
    also: frozenset[str] = frozenset()
    transports: tuple[str, ...] = EVERYWHERE
    headless: str = ""

    def expected(self, transport: str) -> frozenset[str]:
        """Return what must find it over one transport."""
        return frozenset({self.headless}) if self.headless and transport == HEADLESS else self.caught_by


def _row(
    variant: str,
    case_id: str,
    *caught_by: str,
    also: str = "",
    transports: tuple[str, ...] = EVERYWHERE,
    headless: str = "",
) -> DefectRow:
    return DefectRow(variant, case_id, frozenset(caught_by), frozenset(also.split()), transports, headless)


DEFECTS = (
    _row("oracle", "create_file"),
    _row("noop", "create_file", "hello"),
    _row("never-asks", "approval_given", "asked_once", also="planned", transports=WITH_A_USER),
    _row("ignores-no", "approval_refused", "not_written", also="nothing_else", transports=WITH_A_USER),
    _row("asks-twice", "approval_given", "asked_once", transports=WITH_A_USER),
    _row("asks-forever", "create_file", "agent_limit/approvals", also="hello", transports=WITH_A_USER),
    _row("ignores", "create_file", "hello"),
    _row("wrong-text", "create_file", "hello"),
    _row("wrong-name", "create_file", "hello", "nothing_else"),
    _row("extra-file", "create_file", "nothing_else"),
    _row("lies", "create_file", "claims", also="hello"),
    _row("outside", "create_file", "claims", also="hello"),
    _row("forgets", "memory_over_turns", "remembers"),
    _row("hangs", "create_file", "agent_timeout/silent", also="hello", headless="agent_timeout/busy"),
    _row("busy-forever", "create_file", "agent_timeout/busy", also="hello", transports=WITH_A_USER),
    _row("crashes", "create_file", "agent_exit/crashed", also="hello"),
    _row("exits-zero", "create_file", "agent_exit/ended", also="hello", headless="hello"),
    _row("endless", "create_file", "agent_limit/output", also="hello clean"),
    _row("garbage", "create_file", "clean"),
    _row("double-prompt", "approval_given", "one_prompt", transports=AT_A_TERMINAL),
    _row("leaks", "create_file", "canary"),
    _row("no-start", "create_file", "agent_start/ended", also="hello", headless="agent_exit/ended"),
    _row("stale-resume", "resume_session", "remembers"),
    _row("rewrites-check", "rename_function", "works", also="nothing_else new_name tests_stay_green"),
    _row("fifo-file", "create_file", "hello", also="claims"),
    _row("symlink-file", "create_file", "hello", also="claims"),
    _row("late-write", "leaves_files_alone", "no_late_writes", also="settled", transports=WITH_A_USER),
    _row("swallows-key", "choose_with_arrow_keys", "echo", transports=AT_A_TERMINAL),
    _row(
        "prefilled-line", "interruption", "echo", also="instead nothing_else planned stopped", transports=AT_A_TERMINAL
    ),
    _row("reply-flood", "create_file", "agent_timeout/busy", also="hello", transports=AT_A_TERMINAL),
    _row("daemon", "create_file"),
    _row("ignores-term", "create_file"),
    _row("slow-silent", "create_file"),
    _row("ambient", "create_file", transports=AT_A_TERMINAL),
)


def sessions() -> list[tuple[DefectRow, Wanted]]:
    """Return every session that the table speaks of."""
    return [(row, Wanted(row.variant, transport, row.case_id)) for row in DEFECTS for transport in row.transports]


def table() -> str:
    """Return the table as docs/terminal.md has it."""
    lines = ["| variant | what it does | case | found by | over |", "|---|---|---|---|---|"]
    for row in DEFECTS:
        found = ", ".join(f"`{name}`" for name in sorted(row.caught_by)) or "nothing: it passes"
        if row.headless:
            found += f" (headless: `{row.headless}`)"
        over = ", ".join(row.transports)
        lines.append(f"| `{row.variant}` | {VARIANTS[row.variant][1]} | `{row.case_id}` | {found} | {over} |")
    return "\n".join(lines)
