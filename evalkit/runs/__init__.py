"""A stored run as one object: config, status, records and grades in force; also while it is still going."""
