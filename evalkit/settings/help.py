"""The help page, generated from the schemas, and the answers to flags of the older harnesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile

from evalkit.errors import ConfigError
from evalkit.settings.names import did_you_mean
from evalkit.settings.options import list_groups
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import dereference, mode_names, run_keys, run_nodes, run_schema

DEFAULT_MODE = "crawl"

# Flag of the older voice harness -> the override that does the same; "{}" stands for the flag's value.
VOICE_FLAGS = {
    "--max-examples": "max_examples={}",
    "--model": "assistant.model={}",
    "--assistant-model": "assistant.model={}",
    "--simulator-model": "simulator.model={}",
    "--voice": "assistant.voice={}",
    "--tts-model": "speech.model={}",
    "--tts-voice": "speech.voice={}",
    "--chunk-ms": "chunk_ms={}",
    "--sample-rate-hz": "audio.sample_rate_hz={}",
    "--input-audio-format": "audio.input_format={}",
    "--output-audio-format": "audio.output_format={}",
    "--real-time": "real_time=true",
    "--max-turns": "max_turns={}",
    "--data-csv": "mode.data_csv={}",
    "--results-dir": "output_dir={}",
    "--run-name": "run_name={}",
    "--system-prompt-file": "assistant.system_prompt_file={}",
    "--assistant-system-prompt-file": "assistant.system_prompt_file={}",
    "--tools-file": "assistant.tools_file={}",
    "--assistant-tools-file": "assistant.tools_file={}",
    "--simulator-system-prompt": "simulator.prompt={}",
}
# The same for the older benchmark of code models; a flag may have several values.
CODING_FLAGS = {
    "--task": "mode=coding mode.tasks=[{}]",
    "--tasks": "mode=coding mode.tasks=[{}]",
    "--models": "-m assistant.model={}",
    "--samples": "trials={}",
    "--dry-run": "mode=coding mode.dry_run=true",
    "--response-file": "mode=coding mode.responses={}",
    "--response-text": "mode=coding mode.responses=FILE, with the text in that file",
    "--include-tests": "mode=coding mode.include_tests=true",
    "--output-dir": "output_dir={}",
    "--temperature": "assistant.temperature={}",
    "--provider": "provider={}",
    "--install-deps": "nothing: no task needs a package, and a sandbox has no network",
}
_SEVERAL = frozenset({"--tasks", "--models"})
# What a flag comes to with this value alone.
_SHORTER = {("--tasks", "all"): "mode=coding, which runs all tasks"}


def translate_old_flags(args: Sequence[str]) -> list[str]:
    """Return one message for every flag of the older harnesses in `args`, with the override that does the same."""
    messages = []
    for position, arg in enumerate(args):
        flag, _, inline = arg.partition("=")
        told = VOICE_FLAGS.get(flag) or CODING_FLAGS.get(flag)
        if told is None:
            continue
        following = list(takewhile(lambda word: not word.startswith("-"), args[position + 1 :]))
        values = [inline] if inline else following[: None if flag in _SEVERAL else 1]
        if len(values) == 1:
            told = _SHORTER.get((flag, values[0]), told.removeprefix("-m "))
        messages.append(f"{flag}: evalkit has no such flag; write {told.format(','.join(values) or '…')}")
    return messages


def render_help(commands: Mapping[str, str], topics: Sequence[str] = ()) -> str:
    """Return the help page: usage, commands, groups, and the keys of the chosen mode with what each allows.

    `topics` is the rest of the line: ``mode=X`` chooses whose keys are shown, ``all`` shows every mode's.
    """
    modes = [topic.removeprefix("mode=") for topic in topics if topic.startswith("mode=")] or [DEFAULT_MODE]
    modes = list(mode_names()) if "all" in topics else modes
    unknown = [mode for mode in modes if mode not in mode_names()]
    if unknown:
        hint = did_you_mean(unknown[0], mode_names())
        raise ConfigError(f"mode: {unknown[0]!r} is not an option{hint}; options: {', '.join(mode_names())}")
    lines = [
        "evalkit [key=value …]               one run; with no argument: mode=crawl on the embedded provider",
        "evalkit -m key=a,b key=1,2 …        a sweep: one run per combination",
        "evalkit COMMAND …                   one of:",
        "",
        *(f"  {name:<10}{text}" for name, text in commands.items()),
        "",
        "flags: -m (sweep, comes first)  --config-dir DIR (more options for the groups)  -c job (print the config)",
        "       --info defaults|searchpath  -sc install=bash (completion)  --version  --help",
        "",
        "groups, chosen by name (mode=crawl):",
        *(f"  {name:<14}{' | '.join(options)}" for name, options in list_groups().items()),
        "",
        f"a sweep's jobs run under hydra/launcher={' | '.join(list_launchers())} (docs/sweeps.md)",
        "",
        "one role alone is moved to another provider with provider@judge.provider=openai",
    ]
    shown: set[str] = set()
    for mode in modes:
        lines += ["", f"keys of mode={mode} (evalkit --help mode=NAME, --help all):", *_describe_keys(mode, shown)]
    return "\n".join(lines)


def list_launchers() -> list[str]:
    """Return the launchers that have settings of ours, after Hydra's own."""
    return ["basic", *sorted(path.stem for path in (resource_dir("conf") / "hydra" / "launcher").glob("*.yaml"))]


def _describe_keys(mode: str, shown: set[str]) -> list[str]:
    """Return the lines about the keys of `mode` that are not `shown` yet, a block for each node."""
    lines: list[str] = []
    for node, keys in _keys_by_node(mode).items():
        new = [(path, allowed, text) for path, allowed, text in keys if f"{path} {allowed} {text}" not in shown]
        shown.update(f"{path} {allowed} {text}" for path, allowed, text in keys)
        lines += ["", f"  {node}"] if new else []
        for path, allowed, description in new:
            lines += [f"    {path:<35} {allowed}", f"        {description}"]
    return lines


def _keys_by_node(mode: str) -> dict[str, list[tuple[str, str, str]]]:
    properties = run_schema(mode)["properties"]
    titles = {node: f"{node}: {dereference(properties[node])['description']}" for node in run_nodes(mode)}
    nodes: dict[str, list[tuple[str, str, str]]] = {"plain keys": []}
    for path, key in run_keys(mode).items():
        title = titles.get(path.split(".")[0], "plain keys")
        nodes.setdefault(title, []).append((path, key.allowed, key.description))
    return nodes
