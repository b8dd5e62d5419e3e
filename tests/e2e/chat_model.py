"""A chat model of somebody else, played by the embedded provider in a process of its own: rules behind a foreign name.

``python chat_model.py`` serves `house-model`, which is `local-agent`, and `house-caller`, which is `local-caller`, at
``/v1/chat/completions``, and says where, as the service does; it leaves when its stdin closes.
"""

from __future__ import annotations

from evalkit.process_end import run_process
from evalkit.service.app import create_app
from evalkit.service.audio_engines import AudioEngines
from evalkit.service.brain.rules.brain import RULE_MODELS, RulesBrain
from evalkit.service.engines import EngineChoice, build_speech, build_transcription
from evalkit.service.server import Backstage, ServerOptions, serve_app

MODELS = {"house-model": "local-agent", "house-caller": "local-caller", "house-judge": "local-judge"}


async def _load_nothing() -> None:
    """Nobody asks it for sound."""


def main() -> int:
    """Serve until stdin closes."""
    choice = EngineChoice()
    engines = AudioEngines(build_speech(choice), build_transcription(choice))
    app = create_app(brain=RulesBrain({name: RULE_MODELS[rules] for name, rules in MODELS.items()}), engines=engines)
    backstage = Backstage({"models": list(MODELS)}, _load_nothing, engines.close)
    serve_app(ServerOptions(leave_with_stdin=True), app, backstage)
    return 0


if __name__ == "__main__":
    run_process(main)
