"""Verbs on tools, agents and instances."""

from agents.actions.instances import Examine, create_instance, delete_instance, rotate_instance_urls, update_instance
from agents.actions.serving import deploy_agent, roll_back_agent, scale_agent
from agents.actions.switching import add_tags, disable, enable, remove_tags, start_probing, stop_probing
from agents.actions.trials import try_agent, try_instance, try_tool
from agents.actions.writing import (
    create_agent,
    create_tool,
    delete_agent,
    delete_tool,
    restore_revision,
    update_agent,
    update_tool,
)

__all__ = [
    "Examine",
    "add_tags",
    "create_agent",
    "create_instance",
    "create_tool",
    "delete_agent",
    "delete_instance",
    "delete_tool",
    "deploy_agent",
    "disable",
    "enable",
    "remove_tags",
    "restore_revision",
    "roll_back_agent",
    "rotate_instance_urls",
    "scale_agent",
    "start_probing",
    "stop_probing",
    "try_agent",
    "try_instance",
    "try_tool",
    "update_agent",
    "update_instance",
    "update_tool",
]
