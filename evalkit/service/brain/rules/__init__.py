"""The brain made of rules: deterministic agents, callers and judges, without a language model."""
