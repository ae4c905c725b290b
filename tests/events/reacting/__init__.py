"""An app whose reactions the tests count."""
