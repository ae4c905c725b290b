from controlplane.portal.descriptor import Portal

NAMES = ("on_failed", "on_succeeded", "always_broken")
PORTAL = Portal(reactions=tuple(f"tests.events.reactions.{name}" for name in NAMES))
