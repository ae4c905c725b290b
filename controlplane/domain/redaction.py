"""Secrets never come out: every known value is replaced, in the encodings in which it travels, before text is kept."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

MASK = "[redacted]"
# Shorter values would black out ordinary words; shorter base64 fragments occur by chance.
SHORTEST_SECRET = 4
SHORTEST_FRAGMENT = 6

SECRET_NAME = re.compile(
    r"authorization|cookie|passw(or)?d|passphrase|secret|token(?!s)|api[-_]?key|access[-_]?key|private[-_]?key"
    r"|credential|signature|session",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Whether a header or key of this name carries a secret whatever its value is."""
    return SECRET_NAME.search(name) is not None


class Redactor:
    """Replaces the secrets of one attempt, raw and as base64 (also inside `user:secret`), percent, JSON, HTML, hex.

    Values shorter than four characters are left alone. An instance is immutable and safe across threads.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._plain = frozenset(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)
        forms = {form for secret in self._plain for form in _forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._forms))) if forms else None

    def text(self, text: str) -> str:
        if self._pattern is None or not any(form in text for form in self._forms):
            return text
        return self._pattern.sub(MASK, text)

    def json(self, value: object) -> object:
        """A copy of a JSON value with every text, key and number checked."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(item) for item in value]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return MASK if is_number and str(value) in self._plain else value

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers for display: values of telling names are masked whole, the others checked for secrets."""
        return {self.text(name): MASK if is_secret_name(name) else self.text(value) for name, value in headers.items()}

    def stream(self) -> StreamRedactor:
        return StreamRedactor(self)

    def unfinished(self, text: str) -> int:
        """Where the tail begins that more text could turn into a secret; the length of the text if nowhere."""
        start = min((self._unfinished_form(text, form) for form in self._forms), default=len(text))
        for match in self._matches(text):
            if match.start() < start < match.end():
                return match.start()
        return start

    def _matches(self, text: str) -> Iterator[re.Match[str]]:
        return iter(()) if self._pattern is None else self._pattern.finditer(text)

    @staticmethod
    def _unfinished_form(text: str, form: str) -> int:
        position = text.find(form[0], max(0, len(text) - len(form) + 1))
        while position >= 0 and not form.startswith(text[position:]):
            position = text.find(form[0], position + 1)
        return len(text) if position < 0 else position


class StreamRedactor:
    """Redacts text that comes in chunks. Holds back only a tail that may be the beginning of a secret."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def feed(self, chunk: str) -> str:
        """What can be shown now."""
        text = self._held + chunk
        safe = self._redactor.unfinished(text)
        self._held = text[safe:]
        return self._redactor.text(text[:safe])

    def flush(self) -> str:
        """The rest; call at the end, or when a line must be shown now although it may end within a secret."""
        text, self._held = self._held, ""
        return self._redactor.text(text)


def _forms(secret: str) -> Iterator[str]:
    raw = secret.encode(errors="surrogatepass")
    yield secret
    yield raw.hex()
    yield html.escape(secret)
    yield repr(secret)[1:-1]
    yield from _percent(secret)
    yield from _json(secret)
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        yield alphabet(raw).decode().rstrip("=")
        yield from _fragments(raw, alphabet)


def _percent(secret: str) -> Iterator[str]:
    for encoded in (quote(secret, safe="", errors="replace"), quote(secret, errors="replace")):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), encoded)
    yield quote_plus(secret, errors="replace")


def _json(secret: str) -> Iterator[str]:
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield once.replace("/", "\\/")
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]


def _fragments(raw: bytes, alphabet: object) -> Iterator[str]:
    """The part of base64 text that does not depend on what stands before or after the secret."""
    for before in range(3):
        encoded = alphabet(bytes(before) + raw).decode()  # type: ignore[operator]
        first = (before * 8 + 5) // 6
        last = (before + len(raw)) * 8 // 6
        if last - first >= SHORTEST_FRAGMENT:
            yield encoded[first:last]
