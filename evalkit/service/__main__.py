"""``python -m evalkit.service``: the embedded provider on its own.

It prints one line of JSON when it is ready (see :mod:`evalkit.service.server`) and serves until it is interrupted. By
default it listens on loopback only, asks for no key, and speaks and transcribes with the bundled engines.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from evalkit.errors import ConfigError, UserError
from evalkit.process_end import run_process
from evalkit.service.child import ENGINES
from evalkit.service.endpoint import find_key_problems, read_key
from evalkit.service.engines import BRAIN_TOOLS, BRAINS, SPEECH_ENGINES, TRANSCRIPTION_ENGINES, EngineChoice
from evalkit.service.faults.plan import read_plan
from evalkit.service.server import LOOPBACK, ServerOptions, serve
from evalkit.service.warm import folder, stop_all

SUMMARY = "A loopback OpenAI-compatible server that speaks and transcribes."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the service with command line arguments; what is wrong with them stands on stderr. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evalkit.service", description=SUMMARY)
    try:
        return run(add_options(parser).parse_args(argv))
    except UserError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        return 2


def run(options: argparse.Namespace) -> int:
    """Serve as parsed `options` say until interrupted; returns the exit code. Raises UserError for wrong ones."""
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    if options.stop:
        stopped = stop_all(folder(os.environ))
        sys.stderr.write(f"evalkit: {len(stopped)} warm services stopped\n")
        return 0
    engines = EngineChoice(
        speech=options.speech,
        transcription=options.transcription,
        brain=options.brain,
        brain_url=options.brain_url,
        brain_api_key_env=options.brain_api_key_env,
        brain_options=options.brain_options,
        brain_tools=options.brain_tools,
        base_url=options.base_url,
        api_key_env=options.api_key_env,
        speech_model=options.speech_model,
        transcription_model=options.transcription_model,
        tasks_dir=options.tasks,
    )
    try:
        if problems := find_key_problems("--require-key", options.require_key):
            raise ConfigError(problems)
        faults = None if options.faults is None else read_plan(options.faults, Path.cwd())
        how = ServerOptions(
            host=options.host,
            port=options.port,
            key=read_key(options.require_key),
            leave_with_stdin=options.exit_with_stdin,
            keep_alive_s=options.keep_alive,
            use_file=options.use_file,
            warm=tuple(dict.fromkeys(options.warm)),
            aliases=tuple(options.alias),
        )
        serve(how, engines, faults)
    except KeyboardInterrupt:
        return 130
    return 0


def add_options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Give `parser` the options of :func:`run`, and return it."""
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on (default: loopback only)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one (default)")
    parser.add_argument("--speech", choices=SPEECH_ENGINES, default="hibari", help="the engine that speaks")
    parser.add_argument(
        "--transcription", choices=TRANSCRIPTION_ENGINES, default="whisper", help="the engine that transcribes"
    )
    parser.add_argument(
        "--brain", choices=BRAINS, default="rules", help="what thinks for the models; see docs/brains.md"
    )
    parser.add_argument("--brain-url", help="where a 'chat' brain is, for example http://127.0.0.1:1234/v1")
    parser.add_argument("--brain-api-key-env", metavar="NAME", help="environment variable with the key for --brain-url")
    parser.add_argument(
        "--brain-options", metavar="JSON", help='further fields of every request to --brain-url, as {"temperature": 0}'
    )
    parser.add_argument(
        "--brain-tools", choices=BRAIN_TOOLS, default="native",
        help="how its models are told of tools: by the API's own field, or in words (json); see docs/brains.md",
    )  # fmt: skip
    parser.add_argument("--base-url", help="where an 'openai' engine is, for example http://host:8000/v1")
    parser.add_argument("--api-key-env", metavar="NAME", help="environment variable with the key for --base-url")
    parser.add_argument("--speech-model", help="model that an 'openai' speech engine is asked for")
    parser.add_argument("--transcription-model", help="model that an 'openai' transcription engine is asked for")
    parser.add_argument(
        "--alias", action="append", default=[], metavar="NAME=MODEL",
        help="have a model answer to another name too, as gpt-4o-mini-tts=local-speech; may be repeated",
    )  # fmt: skip
    parser.add_argument("--require-key", metavar="NAME", help="demand the key in this environment variable of clients")
    parser.add_argument(
        "--faults", metavar="PLAN", help="what is to go wrong: a preset, rules, or a JSON file; see docs/faults.md"
    )
    parser.add_argument(
        "--tasks", type=Path, metavar="FOLDER", help="coding tasks that the models oracle, noop, … are to know too"
    )
    parser.add_argument("--exit-with-stdin", action="store_true", help="exit when stdin closes")
    parser.add_argument(
        "--warm", nargs="*", choices=ENGINES, default=ENGINES, help="engines to load before it is ready (default: both)"
    )
    parser.add_argument("--keep-alive", type=float, metavar="SECONDS", help="exit when unused for as long")
    parser.add_argument("--use-file", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--stop", action="store_true", help="stop the services that runs left warm, and exit")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="warning")
    return parser


if __name__ == "__main__":
    run_process(main)
