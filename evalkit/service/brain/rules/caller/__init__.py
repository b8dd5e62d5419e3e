"""The simulated caller of the embedded provider: plays a persona without a language model."""
