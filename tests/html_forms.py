"""What a browser would send for a form as it is shown: its successful controls, sanitized as HTML says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from html.parser import HTMLParser

NUMBER = re.compile(r"-?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
PLAIN = ("text", "search", "url", "email", "tel", "password")


@dataclass
class Control:
    tag: str
    attributes: dict[str, str]
    options: list[tuple[str, bool]] = field(default_factory=list)
    text: str = ""

    @property
    def kind(self) -> str:
        return self.attributes.get("type", "text") if self.tag == "input" else self.tag

    @property
    def values(self) -> list[str]:
        if self.tag == "select":
            chosen = [value for value, selected in self.options if selected]
            if "multiple" in self.attributes:
                return chosen
            return chosen[-1:] or [value for value, _ in self.options[:1]]
        if self.kind in ("checkbox", "radio"):
            return [self.attributes.get("value", "on")] if "checked" in self.attributes else []
        if self.kind in ("submit", "button", "image"):
            return []
        return [self.sanitized(self.attributes.get("value", "") if self.tag == "input" else self.text)]

    def sanitized(self, value: str) -> str:
        if self.kind in PLAIN:
            value = re.sub(r"[\r\n]", "", value)
            return value.strip() if self.kind in ("url", "email") else value
        if self.kind == "number":
            return value if NUMBER.fullmatch(value) and abs(float(value)) < float("inf") else ""
        return value if self.kind != "date" or is_day(value) else ""

    @property
    def is_refused(self) -> bool:
        """Whether the browser would not send the form because of it."""
        value = self.values[0] if self.values else ""
        if "required" in self.attributes and not value:
            return True
        if self.kind != "number" or not value:
            return False
        low, high, step = (self.attributes.get(name) for name in ("min", "max", "step"))
        off_step = step == "1" and (float(value) - float(low or 0)) % 1 != 0
        return off_step or bool(low and float(value) < float(low)) or bool(high and float(value) > float(high))


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[list[Control]] = []
        self.open: Control | None = None
        self.option: tuple[str | None, bool, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append([])
        elif tag in ("input", "select", "textarea", "button") and self.forms:
            attributes |= {"type": "submit"} if tag == "button" else {}
            control = Control("input" if tag == "button" else tag, attributes)
            self.forms[-1].append(control)
            self.open = control if tag in ("select", "textarea") else None
        elif tag == "option" and self.open:
            self.option = (attributes.get("value"), "selected" in attributes, "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "option" and self.option and self.open:
            value, selected, text = self.option
            self.open.options.append((text.strip() if value is None else value, selected))
            self.option = None
        elif tag == "textarea" and self.open:
            # HTML leaves the first line end of the content out.
            self.open.text = self.open.text.removeprefix("\n")
        if tag in ("select", "textarea"):
            self.open = None

    def handle_data(self, data: str) -> None:
        if self.option:
            self.option = (self.option[0], self.option[1], self.option[2] + data)
        elif self.open and self.open.tag == "textarea":
            self.open.text += data


def controls(html: str, named: str) -> list[Control]:
    """Those of the form that has a control of this name. Line ends become LF when a page is read."""
    parser = _Forms()
    parser.feed(html.replace("\r\n", "\n").replace("\r", "\n"))
    parser.close()
    return next(form for form in parser.forms if any(one.attributes.get("name") == named for one in form))


def sent(found: list[Control], *, pressed: str = "") -> dict[str, list[str]]:
    """name -> values as they arrive, each line end as CR LF."""
    made: dict[str, list[str]] = {pressed: ["1"]} if pressed else {}
    for one in found:
        if one.attributes.get("name"):
            made.setdefault(one.attributes["name"], []).extend(
                re.sub(r"\r\n|\r|\n", "\r\n", value) for value in one.values
            )
    return {name: values for name, values in made.items() if values}


def is_day(text: str) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text) and date.fromisoformat(text))
    except ValueError:
        return False
