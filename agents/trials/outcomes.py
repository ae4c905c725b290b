"""What goes to the worker and what comes back, as sealed JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.conf import settings

from agents.calls.context import Answer
from agents.models import Trial, TrialSubject
from controlplane.domain.errors import FieldError, ProblemError
from controlplane.projects.secrets import encryption


def sealed(trial: Trial, value: dict[str, Any]) -> str:
    """An address is never written openly; other input as the installation has keys, as with steps' inputs."""
    text = json.dumps(value, default=str)
    if settings.SECRETS_KEYS or trial.subject == TrialSubject.CONNECTION:
        return encryption.seal(text, bound_to=place(trial))
    return text


def opened(trial: Trial, text: str) -> dict[str, Any]:
    """What was sealed; where it is a refusal, it is raised."""
    value = json.loads(text if text.startswith("{") else encryption.unseal(text, bound_to=place(trial)))
    if problem := value.get("problem"):
        raise told_again(problem)
    return value


def place(trial: Trial) -> str:
    """What the sealed texts of this trial are bound to."""
    return f"trial:{trial.pk}"


def of_answer(answer: Answer, duration_ms: int) -> dict[str, Any]:
    return {"answer": asdict(answer), "duration_ms": duration_ms}


def answer(value: dict[str, Any]) -> tuple[Answer, int]:
    """As `of_answer` was given it: the answer and the milliseconds."""
    given = value["answer"]
    return Answer(**{**given, "cost_usd": Decimal(given["cost_usd"])}), value["duration_ms"]


def of_problem(problem: ProblemError) -> dict[str, Any]:
    told = {name: getattr(problem, name) for name in ("status", "title", "code", "detail", "extra")}
    return {"problem": {**told, "errors": [asdict(error) for error in problem.errors]}}


def told_again(told: dict[str, Any]) -> ProblemError:
    errors = [FieldError(**error) for error in told["errors"]]
    problem = ProblemError(told["detail"], errors=errors, code=told["code"], **told["extra"])
    problem.status, problem.title = told["status"], told["title"]
    return problem
