"""Endpoints and keys, and the roles served over HTTP (speech, transcription, text): the HTTP client's door."""
