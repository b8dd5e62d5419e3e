"""The pages: self-contained HTML of a run and of a sweep. The only room that knows jinja2."""
