"""Reading databases that are not ours: one interface over PostgreSQL, SQLite files and data files (DuckDB)."""
