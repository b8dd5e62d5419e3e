"""Hugging Face's speech-to-speech server with the embedded service as its engines: python THIS SERVICE_URL PORT.

The server is as it comes, and so are its turn-taking and its Realtime protocol. What it would download from elsewhere
is replaced: its recogniser, model and voice by an OpenAI-compatible service (options of its own), Silero VAD by the
same model out of the package `silero-vad`, and the trained sentence splitter of NLTK by the untrained one.
"""

from __future__ import annotations

import sys

import nltk
import torch
from nltk.tokenize.punkt import PunktSentenceTokenizer
from silero_vad import load_silero_vad


def main() -> None:
    """Serve until it is ended."""
    service_url, port = sys.argv[1:3]
    nltk.data.find = lambda *_args, **_kwargs: ""
    nltk.sent_tokenize = lambda text, **_kwargs: PunktSentenceTokenizer().tokenize(text)
    torch.hub.load = lambda *_args, **_kwargs: (load_silero_vad(), None)
    from speech_to_speech.cli import main as serve  # it looks for its data when it is imported

    engines = {
        "--stt": "openai", "--openai_stt_base_url": service_url, "--openai_stt_model": "local-transcription",
        "--llm_backend": "chat-completions", "--responses_api_base_url": service_url,
        "--responses_api_api_key": "none", "--responses_api_disable_thinking": "false", "--model_name": "local-agent",
        "--tts": "openai", "--openai_tts_base_url": service_url, "--openai_tts_model": "local-speech",
        "--openai_tts_api_key": "none", "--openai_tts_voice": "marin",
    }  # fmt: skip
    words = [word for option in engines.items() for word in option]
    sys.argv = ["speech-to-speech", "serve", "--port", port, *words, "--no_smart_turn"]
    serve()


if __name__ == "__main__":
    main()
