"""Who may come in, what may be sent, and what a browser may do with what it gets."""
