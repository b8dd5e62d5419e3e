"""Boxes that keep in code nobody has read: what a box is asked, what it answers, and who can make one here."""
