"""One rendering of a part of a page for all who look at it."""
