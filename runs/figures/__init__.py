"""What is counted and charted about runs and calls. Every definition stands in docs/figures.md, each once."""
