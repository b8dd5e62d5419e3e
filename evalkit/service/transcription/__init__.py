"""Transcription: the seam every recogniser fits, the recognisers, and the choice of one by name."""
