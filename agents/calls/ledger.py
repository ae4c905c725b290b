"""What a model run has used so far, and the limits that end it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from genai_prices import Usage, calc_price

from controlplane.domain.failures import Failure

MILLION = Decimal(1_000_000)
DEFAULT_MAX_STEPS = 20


class LimitReached(Failure):
    """The agent used up its steps (`step_limit`) or its money (`cost_limit`)."""

    retryable = False


@dataclass
class Ledger:
    """Counts model requests, tokens and money. `config` is that of an llm agent."""

    config: Mapping[str, Any]
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: bool = False

    def check_step(self) -> None:
        """Before a model request: is there one left, and money for it?"""
        limit = self.config.get("max_steps", DEFAULT_MAX_STEPS)
        if self.requests >= limit:
            message = f"The agent reached its limit of {limit} model requests."
            raise LimitReached(message, kind="step_limit", limit=limit)
        self.check_money()

    def check_money(self) -> None:
        """Before anything that costs or acts."""
        limit = self.config.get("max_cost_usd")
        if limit is not None and self.cost_usd >= Decimal(str(limit)):
            spent = f"{self.cost_usd:.6f}".rstrip("0").rstrip(".")
            raise LimitReached(
                f"The agent spent {spent} USD and may spend {limit} USD.", kind="cost_limit", limit=str(limit)
            )

    def count(self, usage: Any) -> None:
        """Add the `usage` of one answer: prompt_tokens, completion_tokens, cached ones among the first."""
        usage = usage if isinstance(usage, dict) else {}
        details = usage.get("prompt_tokens_details")
        cached = _whole(details.get("cached_tokens")) if isinstance(details, dict) else 0
        tokens = _whole(usage.get("prompt_tokens")), _whole(usage.get("completion_tokens"))
        self.input_tokens += tokens[0]
        self.output_tokens += tokens[1]
        self.cost_usd += self._price(*tokens, min(cached, tokens[0]))

    def totals(self) -> dict[str, Any]:
        """As a failure's context carries them."""
        return {
            "cost_usd": str(self.cost_usd),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "model_requests": self.requests,
        }

    def _price(self, input_tokens: int, output_tokens: int, cached: int) -> Decimal:
        own = [self.config.get(name) for name in ("input_usd_per_mtok", "output_usd_per_mtok")]
        if any(price is not None for price in own):
            prices = [Decimal(str(price or 0)) for price in own]
            return (input_tokens * prices[0] + output_tokens * prices[1]) / MILLION
        return self._listed_price(input_tokens, output_tokens, cached)

    def _listed_price(self, input_tokens: int, output_tokens: int, cached: int) -> Decimal:
        used = Usage(input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached)
        model, address = self.config["model"], self.config["base_url"]
        for price in (lambda: calc_price(used, model, provider_api_url=address), lambda: calc_price(used, model)):
            try:
                return price().total_price
            except LookupError:
                continue
        self.unpriced = True
        return Decimal(0)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
