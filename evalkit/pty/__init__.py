"""A terminal that a program runs in: its screen, its keys, its recording, and when it is the user's turn."""
