"""A workflow's steps as boxes and lines, for an SVG that the server draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflows.specification.graph import find_cycle, layout
from workflows.specification.outline import StepLine

# In pixels.
BOX_WIDTH, BOX_HEIGHT, COLUMN_GAP, ROW_GAP, MARGIN = 172, 44, 44, 16, 4
# Letters that fit into a box; the whole text is in its title.
LABEL_LETTERS, USES_LETTERS = 17, 22


@dataclass(frozen=True)
class Box:
    step: StepLine
    x: int
    y: int
    width: int = BOX_WIDTH
    height: int = BOX_HEIGHT

    @property
    def label(self) -> str:
        return shortened(self.step.key, LABEL_LETTERS)

    @property
    def uses(self) -> str:
        return shortened(self.step.uses, USES_LETTERS)


@dataclass(frozen=True)
class Drawing:
    """`lines` are SVG paths from a needed step to the one that needs it."""

    boxes: list[Box]
    lines: list[str]
    width: int
    height: int


def draw(steps: Sequence[StepLine]) -> Drawing | None:
    """None when there is nothing to draw: no steps, or steps that need each other in a circle."""
    if not steps or find_cycle({step.key: step.needs for step in steps}):
        return None
    places = layout(steps)
    boxes = {step.key: box_at(step, *places[step.key]) for step in steps}
    lines = [line_between(boxes[need], boxes[step.key]) for step in steps for need in step.needs if need in boxes]
    return Drawing(
        list(boxes.values()),
        lines,
        width=max(box.x + box.width for box in boxes.values()) + MARGIN,
        height=max(box.y + box.height for box in boxes.values()) + MARGIN,
    )


def box_at(step: StepLine, column: int, row: int) -> Box:
    return Box(step, MARGIN + column * (BOX_WIDTH + COLUMN_GAP), MARGIN + row * (BOX_HEIGHT + ROW_GAP))


def line_between(before: Box, after: Box) -> str:
    x1, y1 = before.x + before.width, before.y + before.height // 2
    x2, y2 = after.x, after.y + after.height // 2
    bend = COLUMN_GAP // 2
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"


def shortened(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
