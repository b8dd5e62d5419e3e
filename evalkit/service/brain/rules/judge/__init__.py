"""The embedded judge: decides criteria from the evidence in a call by fixed rules, or says that it cannot tell."""
