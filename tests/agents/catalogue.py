"""Quick ways to make tools, agents and instances."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from agents import actions
from agents.models import Agent, Instance, Tool
from tests.world import World

HTTP_CONFIG = {"method": "GET", "url": "https://api.example.com/items"}
LLM_CONFIG = {"base_url": "https://models.example.com/v1", "model": "gpt-4o-mini"}


def make_tool(world: World, name: str = "list-items", by: str = "erin", **values) -> Tool:
    given = {"kind": "http", "config": HTTP_CONFIG, **values}
    return actions.create_tool(world.home_of(by), name=name, by=world.actor(by), **given)


def make_agent(world: World, name: str = "triager", by: str = "erin", **values) -> Agent:
    given = {"kind": "llm", "config": LLM_CONFIG, **values}
    return actions.create_agent(world.home_of(by), name=name, by=world.actor(by), **given)


def make_instance(world: World, path: Path, name: str = "sales", by: str = "erin", **values) -> Instance:
    """An instance over a SQLite file with a table `orders` of three rows."""
    given = {"engine": "sqlite", "url": str(sqlite_file(path)), **values}
    return actions.create_instance(world.home_of(by), name=name, by=world.actor(by), **given)


def sqlite_file(folder: Path) -> Path:
    path = folder / "sales.sqlite"
    if not path.exists():
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, total REAL)")
            database.executemany("INSERT INTO orders VALUES (?, ?)", [(1, 9.5), (2, 20.0), (3, 1.25)])
        database.close()
    return path
