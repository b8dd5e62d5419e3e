"""The lab's HTTP API: runs, case-trials, grades and rankings as JSON, CSV and Parquet."""
