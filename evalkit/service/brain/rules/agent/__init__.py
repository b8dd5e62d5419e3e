"""The models behind the embedded provider: what each one says and calls, decided from the conversation it heard."""
