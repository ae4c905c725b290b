"""`${{ secrets.NAME }}` in a configuration: the only form in which a secret may stand there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agents.calls.addresses import REFERENCE, with_secrets
from controlplane.domain.failures import Misconfigured
from controlplane.domain.json_schema import join_path
from controlplane.projects.actions import reveal_secrets
from controlplane.projects.secrets.encryption import Unreadable

URLS = ("url", "base_url")


def texts_in(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, str]]:
    """Every string below `value` with its dotted path."""
    if isinstance(value, str):
        yield join_path(path), value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from texts_in(one, (*path, str(key)))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from texts_in(one, (*path, index))


def names_in(value: Any) -> set[str]:
    return {name for _, text in texts_in(value) for name in REFERENCE.findall(text)}


def revealed(project_id: int, config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`config` with its references replaced, in URLs by their place, and the secrets that went in. For executors only.

    Raises as `secrets_in`, and `Misconfigured` for a secret that cannot stand where it does.
    """
    secrets = secrets_in(project_id, config)
    filled = {
        key: with_secrets(value, secrets) if key in URLS else replaced(value, lambda name: secrets[name])
        for key, value in config.items()
    }
    return filled, list(secrets.values())


def secrets_in(project_id: int, value: Any) -> dict[str, str]:
    """Name -> secret of what `value` refers to.

    Raises `Misconfigured` naming secrets that do not exist (any more), and when no configured key opens one.
    """
    names = names_in(value)
    try:
        secrets = reveal_secrets(project_id, names) if names else {}
    except Unreadable as error:
        raise Misconfigured(f"A secret of this project cannot be opened: {error}") from None
    if missing := sorted(names - set(secrets)):
        raise Misconfigured(f"There is no secret {', '.join(missing)} in this project.", missing=missing)
    return secrets


def replaced(value: Any, secret: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: secret(match[1]), value)
    if isinstance(value, Mapping):
        return {key: replaced(one, secret) for key, one in value.items()}
    return [replaced(one, secret) for one in value] if isinstance(value, list) else value
