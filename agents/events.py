"""The events this app records."""

from __future__ import annotations

TOOL_CREATED = "tool.created"  # a capability was added
TOOL_UPDATED = "tool.updated"  # a new version of it
TOOL_DELETED = "tool.deleted"  # it is gone, with its versions
TOOL_ENABLED = "tool.enabled"  # runs may use it again
TOOL_DISABLED = "tool.disabled"  # new calls are refused
TOOL_TESTED = "tool.tested"  # somebody called it by hand
TOOL_PROBING_STARTED = "tool.probing_started"  # its health is looked at every half minute
TOOL_PROBING_STOPPED = "tool.probing_stopped"  # it is not looked at any more
TOOL_HEALTH_CHANGED = "tool.health_changed"  # a probe found another state than the one before
AGENT_CREATED = "agent.created"  # a worker was added
AGENT_UPDATED = "agent.updated"  # a new version of it
AGENT_DELETED = "agent.deleted"  # it is gone, with its versions
AGENT_ENABLED = "agent.enabled"  # runs may use it again
AGENT_DISABLED = "agent.disabled"  # new calls are refused
AGENT_TESTED = "agent.tested"  # somebody called it by hand
AGENT_PROBING_STARTED = "agent.probing_started"  # its health is looked at every half minute
AGENT_PROBING_STOPPED = "agent.probing_stopped"  # it is not looked at any more
AGENT_HEALTH_CHANGED = "agent.health_changed"  # a probe found another state than the one before
AGENT_DEPLOYED = "agent.deployed"  # a version serves an environment
AGENT_SCALED = "agent.scaled"  # how many replicas there are, or may be, changed; `reason` says why
INSTANCE_CREATED = "instance.created"  # a database was added
INSTANCE_UPDATED = "instance.updated"  # its connection or limits changed
INSTANCE_DELETED = "instance.deleted"  # it is gone
INSTANCE_ENABLED = "instance.enabled"  # queries may use it again
INSTANCE_DISABLED = "instance.disabled"  # new queries are refused
INSTANCE_TESTED = "instance.tested"  # its health was looked at
