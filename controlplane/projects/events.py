"""The events this app records."""

PROJECT_CREATED = "project.created"  # a new tenant
PROJECT_UPDATED = "project.updated"  # name or time zone changed
MEMBER_INVITED = "member.invited"  # an address got a link that makes it a member
INVITATION_REVOKED = "member.uninvited"  # the link works no more
MEMBER_ADDED = "member.added"  # somebody got a role
MEMBER_CHANGED = "member.changed"  # a role changed
MEMBER_REMOVED = "member.removed"  # somebody lost access
TOKEN_CREATED = "token.created"  # a script got a key
TOKEN_REVOKED = "token.revoked"  # a key ended before its time
SECRET_SET = "secret.set"  # a value was written
SECRET_DELETED = "secret.deleted"  # a value was removed
