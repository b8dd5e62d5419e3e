"""Run directories on object storage (``s3://bucket/folder``): their local copies, fetched and uploaded."""
