"""The voice modes: crawl (spoken texts), walk (saved recordings) and run (simulated calls)."""
