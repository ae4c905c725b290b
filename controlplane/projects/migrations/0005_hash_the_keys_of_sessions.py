from django.db import migrations

# As controlplane.projects.sessions.name_of: browsers keep their cookies, and nobody is signed out.
HASHED = """
translate(left(encode(sha256(convert_to(session_key, 'UTF8')), 'base64'), 40), '+/', '-_')
"""
TABLES = ("django_session", "usersessions_usersession")


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0004_let_administrators_invite"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(
            sql=[f"UPDATE {table} SET session_key = {HASHED}" for table in TABLES],
            # A hash leads to no cookie: everybody signs in again.
            reverse_sql=[f"DELETE FROM {table}" for table in TABLES],
        )
    ]
