from collections import Counter
from datetime import timedelta

from django.db import migrations

# Whoever signs up by an invitation accepts it in the same request. An account that took another address later, and
# accepted an invitation for it, was there long before.
AT_ONCE = timedelta(seconds=10)


def settle(apps, schema_editor):
    """Until now anybody could give their account any address. Those of which we know better count; the others become
    claims, which their accounts confirm by letter. Signing in by user name works as before.
    """
    User, EmailAddress = apps.get_model("auth", "User"), apps.get_model("account", "EmailAddress")
    wanted = {user.pk: address(apps, user) for user in User.objects.iterator()}
    count = Counter(email for email, is_known in wanted.values() if is_known)
    EmailAddress.objects.all().delete()
    for pk, (email, is_known) in wanted.items():
        verified = is_known and count[email] == 1
        if email:
            EmailAddress.objects.create(user_id=pk, email=email, verified=verified, primary=verified)
        User.objects.filter(pk=pk).update(email=email if verified else "")


def address(apps, user):
    """(their address in lower case, whether it is known to be theirs)."""
    rows = apps.get_model("account", "EmailAddress").objects.filter(user_id=user.pk)
    email = user.email.lower()
    confirmed = sorted(rows.filter(verified=True), key=lambda row: (row.email != email, not row.primary, row.pk))
    if confirmed:
        return confirmed[0].email.lower(), True
    return email, bool(email) and (was_invited(apps, user) or was_never_changed(apps, user, rows))


def was_invited(apps, user):
    accepted = apps.get_model("projects", "Invitation").objects.filter(email__iexact=user.email)
    return accepted.filter(
        accepted_at__gte=user.date_joined - AT_ONCE, accepted_at__lte=user.date_joined + AT_ONCE
    ).exists()


def was_never_changed(apps, user, rows):
    """The pages of one's own address leave a row at the first look. Without any it is as an administrator set it."""
    edits = apps.get_model("admin", "LogEntry").objects.filter(
        content_type__app_label="auth", content_type__model="user", object_id=str(user.pk), user__is_superuser=False
    )
    return not rows.exists() and not edits.exists()


def take_back(apps, schema_editor):
    User, EmailAddress = apps.get_model("auth", "User"), apps.get_model("account", "EmailAddress")
    for row in EmailAddress.objects.filter(user__email=""):
        User.objects.filter(pk=row.user_id).update(email=row.email)


RULES = (
    (
        "CREATE UNIQUE INDEX one_account_per_verified_address ON account_emailaddress (lower(email)) WHERE verified",
        "DROP INDEX one_account_per_verified_address",
    ),
    (
        'ALTER TABLE account_emailaddress ADD CONSTRAINT primary_address_is_verified CHECK (verified OR NOT "primary")',
        "ALTER TABLE account_emailaddress DROP CONSTRAINT primary_address_is_verified",
    ),
)


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0006_count_tries_in_the_database"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(settle, take_back),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        *(migrations.RunSQL(rule, undo) for rule, undo in RULES),
    ]
