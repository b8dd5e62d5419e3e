"""The help page, generated from the schemas, and the answers to flags of the older harness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import dereference, load_schema, run_keys, run_nodes

# What people may type as a first word when they mean a harness.
MODES = ("crawl", "walk", "run")

# Flag of the older harness -> the override that does the same; "{}" stands for the flag's value.
OLD_FLAGS = {
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


def translate_old_flags(args: Sequence[str]) -> list[str]:
    """Return one message for every flag of the older harness in `args`, with the override that does the same."""
    messages = []
    for position, arg in enumerate(args):
        flag, _, inline = arg.partition("=")
        if flag not in OLD_FLAGS:
            continue
        following = args[position + 1] if position + 1 < len(args) and not args[position + 1].startswith("-") else "…"
        messages.append(f"{flag}: evalkit has no such flag; write {OLD_FLAGS[flag].format(inline or following)}")
    return messages


def render_help(commands: Mapping[str, str]) -> str:
    """Return the help page: usage, commands, groups with their options, and every key with what it allows."""
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
        "",
        "keys:",
    ]
    for node, keys in _keys_by_node().items():
        lines += ["", f"  {node}"]
        for path, allowed, description in keys:
            lines += [f"    {path:<34}{allowed}", f"        {description}"]
    return "\n".join(lines)


def list_groups() -> dict[str, list[str]]:
    """Return the shipped config groups with their options."""
    folders = sorted(path for path in resource_dir("conf").iterdir() if path.is_dir() and path.name != "hydra")
    return {folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in folders}


def list_launchers() -> list[str]:
    """Return the launchers that have settings of ours, after Hydra's own."""
    return ["basic", *sorted(path.stem for path in (resource_dir("conf") / "hydra" / "launcher").glob("*.yaml"))]


def _keys_by_node() -> dict[str, list[tuple[str, str, str]]]:
    properties = load_schema("run")["properties"]
    titles = {node: f"{node}: {dereference(properties[node])['description']}" for node in run_nodes()}
    nodes: dict[str, list[tuple[str, str, str]]] = {"plain keys": []}
    for path, key in run_keys().items():
        title = titles.get(path.split(".")[0], "plain keys")
        nodes.setdefault(title, []).append((path, key.allowed, key.description))
    return nodes
