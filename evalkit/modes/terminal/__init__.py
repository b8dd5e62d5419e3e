"""mode=terminal: simulated users at interactive CLI agents, over three transports, with one set of checks."""
