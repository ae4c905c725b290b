"""JSON Schema read in one place: what holds for a value, its defaults, what it does not list, its shape as a form."""
