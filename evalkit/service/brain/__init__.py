"""Who thinks for the embedded provider: the seam that every brain fits, and the brains behind it."""
