"""Turn-taking on a call: who spoke when, and how well the agent knew whose turn it was."""
