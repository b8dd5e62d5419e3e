"""The services that a run calls: a factory for each role, the embedded provider, and stored runs served again."""
