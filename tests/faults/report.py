"""What a scenario measured and whether it held: printed, and kept as lines of JSON."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Report:
    """Figures and checks of one scenario."""

    name: str
    promise: str
    figures: dict[str, Any] = field(default_factory=dict)
    checks: list[tuple[str, bool]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def measure(self, **figures: Any) -> None:
        for name, value in figures.items():
            shown = round(value, 2) if isinstance(value, float) else value
            self.figures[name] = shown
            print(f"  {name.replace('_', ' '):<44} {shown}", flush=True)

    def check(self, what: str, holds: object) -> None:
        self.checks.append((what, bool(holds)))
        if not holds:
            print(f"  FAILED: {what}", flush=True)

    @property
    def failed(self) -> int:
        return sum(not holds for _, holds in self.checks)

    def close(self) -> None:
        seconds = time.monotonic() - self.began
        passed = len(self.checks) - self.failed
        print(f"  {self.name}: {passed} passed, {self.failed} failed, {seconds:.0f} s", flush=True)

    def append_to(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        line = {
            "name": self.name,
            "promise": self.promise,
            "seconds": round(time.monotonic() - self.began, 1),
            "figures": self.figures,
            "failed": [what for what, holds in self.checks if not holds],
        }
        with path.open("a") as file:
            file.write(json.dumps(line, default=str) + "\n")
