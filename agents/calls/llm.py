"""Agents of kind llm: a model that works with our tools until it has an answer, within limits."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import httpx2
from asgiref.sync import async_to_sync, sync_to_async
from openai import AsyncOpenAI
from pydantic_ai import Agent, StructuredDict, Tool, ToolOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.usage import UsageLimits
from pydantic_core import SchemaValidator, core_schema

from agents.calls.context import LONGEST_MESSAGE, Answer, CallContext, only_safe_failures
from agents.calls.ledger import Ledger
from agents.calls.model_tools import ToolBox
from agents.calls.model_transport import ModelTransport
from agents.calls.schemas import BadInput, check_output
from agents.catalogue.secret_references import revealed
from controlplane.domain.failures import Failure, Misconfigured

logger = logging.getLogger(__name__)
# The library's own tool through which structured output arrives.
FINAL = "final_answer"


class ModelError(Failure):
    """The model's answers cannot be used: garbage, no text, or output that keeps missing the schema."""

    kind = "model_error"


def call_model(
    snapshot: Mapping[str, Any], input: Mapping[str, Any], context: CallContext, tools: Mapping[str, Mapping[str, Any]]
) -> Answer:
    """Run the agent; output is its text, or an object that fits the configured `output_schema`.

    `tools` holds snapshots by name; only those that the configuration lists are offered, and there are no others to
    call. Every Failure carries cost_usd, input_tokens and output_tokens in its context, and is `half_done` when a tool
    that must not be called twice had acted before.
    """
    config, secrets = revealed(context.project_id, snapshot["config"])
    prompt = prompt_of(input)
    offered = offered_tools(config, tools)
    ledger = Ledger(config)
    limited = context.hiding(secrets).limited(snapshot["timeout_seconds"], "agent")
    with limited as inner, only_safe_failures(inner.redactor):
        session = Session(config, offered, ledger, inner)
        try:
            output = session.run(prompt)
            check_output(config.get("output_schema") or {}, output)
        except Failure as failure:
            failure.context |= {**ledger.totals(), "tool_calls": session.box.calls}
            # Asking a model changes nothing: what counts is what its tools did.
            failure.acted = failure.half_done = session.box.acted
            raise
        request = {"model": config["model"], "prompt": prompt, "tools": list(offered), "tool_calls": session.box.calls}
    if ledger.unpriced:
        inner.log("warning", f"No price is known for {config['model']}, so its cost counts as 0.")
    return Answer(
        inner.redactor.json(output),
        inner.redactor.json({**request, "model_requests": ledger.requests}),
        ledger.cost_usd,
        ledger.input_tokens,
        ledger.output_tokens,
    )


def prompt_of(input: Mapping[str, Any]) -> str:
    """The prompt, followed by the input as JSON where both are given."""
    prompt, data = input.get("prompt", ""), input.get("input")
    if not isinstance(prompt, str) or (not prompt and data is None):
        errors = [{"field": "input.prompt", "message": "Give a prompt as text, or an input.", "code": "required"}]
        raise BadInput("The agent needs a prompt or an input.", errors=errors)
    if data is None:
        return prompt
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"{prompt}\n\nInput:\n{text}" if prompt else text


def offered_tools(config: Mapping[str, Any], tools: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Name -> snapshot. Raises Misconfigured for tools that do not exist or are disabled."""
    names = config.get("tools", [])
    if missing := [name for name in names if name not in tools]:
        raise Misconfigured(f"The agent's tools do not exist or are disabled: {', '.join(missing)}.")
    return {name: tools[name] for name in names}


class Session:
    """One run of the model library, with its network and its tools in our hands."""

    def __init__(
        self, config: Mapping[str, Any], tools: Mapping[str, Mapping[str, Any]], ledger: Ledger, context: CallContext
    ) -> None:
        self.config = config
        self.transport = ModelTransport(ledger, context, [*tools, FINAL])
        self.box = ToolBox(tools, ledger, context)
        self.context = context

    def run(self, prompt: str) -> Any:
        # The ledger holds the limits, before each request; the library would count after it.
        agent, limits = self._agent(), UsageLimits(request_limit=None)
        try:
            result = async_to_sync(agent.run, force_new_loop=True)(prompt, usage_limits=limits)
        except Exception as error:
            # What a model sends decides what the library trips over, so everything counts as its answer.
            raise self._cause(error) from None
        if failure := self.box.failure or self.transport.failure:
            raise failure
        return result.output

    def _cause(self, error: Exception) -> Failure:
        """What really happened, whatever the library made of it."""
        self.context.token.check()
        known = self.box.failure or self.transport.failure
        if known is None and isinstance(error, Failure):
            known = error
        if known is None:
            logger.info("A model's answer cannot be used", extra={"action": "model_error"}, exc_info=error)
            text = self.context.redactor.text(f"{type(error).__name__}: {error}")[:LONGEST_MESSAGE]
            return ModelError(f"The model's answer cannot be used: {text}", acted=True)
        return known

    def _agent(self) -> Agent[None, Any]:
        schema = self.config.get("output_schema")
        output = ToolOutput(StructuredDict(schema), name=FINAL) if schema else str
        return Agent(
            self._model(),
            output_type=output,
            instructions=self.config.get("instructions") or None,
            tools=[self._tool(name, snapshot) for name, snapshot in self.box.tools.items()],
            model_settings=self._settings(),
            retries=2,
        )

    def _model(self) -> OpenAIChatModel:
        client = AsyncOpenAI(
            base_url=self.config["base_url"],
            api_key=self.config.get("api_key") or "none",
            max_retries=0,
            timeout=self.context.token.remaining(),
            http_client=httpx2.AsyncClient(transport=self.transport, trust_env=False),
        )
        return OpenAIChatModel(
            self.config["model"], provider=OpenAICompatibleProvider("configured", openai_client=client)
        )

    def _tool(self, name: str, snapshot: Mapping[str, Any]) -> Tool[None]:
        async def call(**arguments: Any) -> Any:
            return await sync_to_async(self.box.call, thread_sensitive=True)(name, arguments)

        schema = {"type": "object", "properties": {}, **(snapshot.get("input_schema") or {})}
        tool = Tool.from_schema(call, name, snapshot.get("description") or name, schema, sequential=True)
        # The library lets any JSON through here; a list would break the call instead of being told to the model.
        tool.function_schema.validator = SchemaValidator(core_schema.dict_schema())
        return tool

    def _settings(self) -> Any:
        wanted = {name: self.config[name] for name in ("temperature", "max_tokens") if name in self.config}
        return {**wanted, "parallel_tool_calls": False} if self.box.tools else wanted
