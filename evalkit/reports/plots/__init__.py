"""Pictures of a run and of a sweep: the only room that knows matplotlib."""
