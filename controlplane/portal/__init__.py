"""What an app adds to the portal is declared in its `portal.py`; the foundation asks here and knows no app by name."""
