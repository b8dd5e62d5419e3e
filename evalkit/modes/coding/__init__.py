"""mode=coding: a model changes a program; the patch is built and called in a box, and its answers judged outside."""
