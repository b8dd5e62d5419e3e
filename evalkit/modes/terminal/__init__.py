"""mode=terminal: simulated sessions with interactive CLI agents, over three transports, in a box."""
