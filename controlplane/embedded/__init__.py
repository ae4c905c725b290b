"""`manage.py up`: PostgreSQL, Valkey and the roles as children of one supervisor. Knows no app."""
