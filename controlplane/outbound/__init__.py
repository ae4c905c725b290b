"""The one way to the outside: each HTTP call of a tool, a webhook or a model leaves through here."""
