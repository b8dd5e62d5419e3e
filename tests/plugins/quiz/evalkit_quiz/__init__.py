"""mode=quiz for evalkit."""
