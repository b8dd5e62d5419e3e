"""Whose turn it is: who speaks, when an utterance is over, and how that is told to a session. No client takes part."""
