"""Voices: the seam every engine fits, the engines, and the choice of one by name."""
