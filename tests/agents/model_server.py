"""A real local server that speaks OpenAI's chat completions, with scripted answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.agents.servers import Asked, LocalServer, Says

Turn = Says | Callable[[Asked], Says]


def model_server(*turns: Turn) -> LocalServer:
    """Answers the n-th request with the n-th turn; the last one repeats for ever."""
    waiting = list(turns)

    def answer(asked: Asked) -> Says:
        turn = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return turn if isinstance(turn, Says) else turn(asked)

    return LocalServer(answer)


def says_text(text: str, **usage: int) -> Says:
    return completion({"role": "assistant", "content": text}, "stop", usage)


def calls_tools(*calls: tuple[str, Any], **usage: int) -> Says:
    """The model asks for these tools: (name, arguments), arguments as an object or raw text."""
    listed = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for number, (name, given) in enumerate(calls)
    ]
    return completion({"role": "assistant", "content": None, "tool_calls": listed}, "tool_calls", usage)


def completion(message: dict[str, Any], finish: str, usage: dict[str, int]) -> Says:
    tokens = {"prompt_tokens": 1000, "completion_tokens": 100, **usage}
    return Says(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "scripted",
            "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
            "usage": {**tokens, "total_tokens": sum(tokens.values())},
        }
    )


def tool_messages(asked: Asked) -> list[dict[str, Any]]:
    """What the tools answered, as the model was told."""
    return [message for message in asked.json["messages"] if message["role"] == "tool"]
