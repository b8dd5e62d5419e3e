"""Tables, summary, pictures and pages: pure functions of stored records and grades."""
