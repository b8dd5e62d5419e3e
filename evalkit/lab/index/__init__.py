"""The index of the lab: a database of what lies in the runs' directories, made again from them at any time."""
