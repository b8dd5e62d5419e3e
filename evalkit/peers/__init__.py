"""Who a run talks to: one factory for each role, the embedded provider, and stored runs served again."""
