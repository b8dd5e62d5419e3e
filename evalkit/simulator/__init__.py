"""The simulated caller, and the checks that it keeps to its role."""
