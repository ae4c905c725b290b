"""Secrets never come out: every known value is replaced, in the encodings in which it travels, before text is kept."""

from __future__ import annotations

import base64
import html
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from urllib.parse import quote

MASK = "[redacted]"
# Ends a text that was cut.
CUT = "…"
# Shorter values would black out ordinary words; shorter base64 fragments occur by chance.
SHORTEST_SECRET = 4
SHORTEST_FRAGMENT = 6
SHORTEST_BEGINNING = 3
# What encoders of URLs leave as it is beside letters and digits: none, a path's, JavaScript's two, a segment's.
LEFT_ALONE = ("", "/", "!'()*", ";/?:@&=+$,#!'()*", "!$&'()*+,;=:@", "!$&'()*+,;=:@/")
ESCAPE = re.compile(r"%[0-9A-F]{2}")

SECRET_NAME = re.compile(
    r"authorization|cookie|passw(or)?d|passphrase|secret|token(?!s)|api[-_]?key|access[-_]?key|private[-_]?key"
    r"|credential|signature|session",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Whether a header or key of this name carries a secret whatever its value is."""
    return SECRET_NAME.search(name) is not None


class Redactor:
    """Replaces the secrets of one attempt, raw and as base64 (also inside `user:secret`), percent (once and twice),
    JSON, HTML, hex and as Python writes them.

    Values shorter than four characters are left alone. An instance is immutable and safe across threads.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._plain = frozenset(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)
        forms = {form for secret in self._plain for form in _forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)
        self._in_order = sorted(forms)
        self._longest = max(map(len, forms), default=0)
        self._beginnings = {form[:2] for form in forms} | {form[0] for form in forms}
        self._pattern = re.compile("|".join(map(re.escape, self._forms))) if forms else None
        self._signs = {_sign_of(form, self._plain) for form in forms}

    def text(self, text: str) -> str:
        """`text` without secrets; before a final CUT also without the beginning of one."""
        if self._pattern is None:
            return text
        if text.endswith(CUT):
            text = self._without_beginning(text.removesuffix(CUT)) + CUT
        if not any(sign in text for sign in self._signs):
            return text
        # Most forms are not there, and a pattern of all would be slow on long texts.
        there = [form for form in self._forms if form in text]
        return re.sub("|".join(map(re.escape, there)), MASK, text) if there else text

    def _without_beginning(self, text: str) -> str:
        start = self.unfinished(text)
        return text[:start] + MASK if len(text) - start >= SHORTEST_BEGINNING else text

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
        start = next((place for place in self._candidates(text) if self._begins_a_form(text[place:])), len(text))
        if start == len(text):
            return start
        return next((match.start() for match in self._matches(text) if match.start() < start < match.end()), start)

    def _candidates(self, text: str) -> Iterator[int]:
        """Places in the tail whose first two characters begin some form; the last character has no second one."""
        length = len(text)
        for place in range(max(0, length - self._longest + 1), length):
            if text[place : place + 2] in self._beginnings:
                yield place

    def _begins_a_form(self, tail: str) -> bool:
        place = bisect_left(self._in_order, tail)
        following = self._in_order[place : place + 2]
        return any(len(form) > len(tail) and form.startswith(tail) for form in following)

    def _matches(self, text: str) -> Iterator[re.Match[str]]:
        return iter(()) if self._pattern is None else self._pattern.finditer(text)


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


def _sign_of(form: str, secrets: Iterable[str]) -> str:
    """Something short that every text with `form` in it has: most encodings leave letters and digits as they are."""
    runs = (run for secret in secrets for run in re.findall(r"[A-Za-z0-9]{3,}", secret) if run in form)
    return max(runs, key=len, default=form)


def _forms(secret: str) -> Iterator[str]:
    raw = secret.encode(errors="surrogatepass")
    yield secret
    yield from (raw.hex(), raw.hex().upper())
    yield from (repr(secret)[1:-1], ascii(secret)[1:-1], repr(raw)[2:-1])
    yield from _percent(secret)
    yield from _json(secret)
    yield from _html(secret)
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        for encoded in (alphabet(raw).decode().rstrip("="), *_fragments(raw, alphabet)):
            yield encoded
            yield encoded.replace("/", "\\/")
            yield from _cases(quote(encoded, safe=""))


def _percent(secret: str) -> Iterator[str]:
    """As paths, queries and forms are written, by those who encode much or little, once or twice."""
    for encoding, safe in product(("utf-8", "latin-1"), LEFT_ALONE):
        encoded = quote(secret, safe=safe, encoding=encoding, errors="replace")
        for spaced in {encoded, encoded.replace("%20", "+")}:
            for once in _cases(spaced):
                yield once
                yield once.replace("%", "%25")
                yield once.replace("%", "%25").replace("+", "%2B")


def _cases(encoded: str) -> Iterator[str]:
    yield encoded
    yield ESCAPE.sub(lambda match: match.group().lower(), encoded)


def _json(secret: str) -> Iterator[str]:
    for ascii_only, signs in product((True, False), ("", "<>&", "<>&'\"", "/")):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        for sign in signs:
            once = once.replace("\\" + sign, sign) if sign == '"' else once
            once = once.replace(sign, "\\/" if sign == "/" else f"\\u{ord(sign):04x}")
        yield from (once, re.sub(r"\\u[0-9a-f]{4}", lambda match: "\\u" + match.group()[2:].upper(), once))
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]


def _html(secret: str) -> Iterator[str]:
    for text in (html.escape(secret), html.escape(secret, quote=False)):
        for mark in ("&#x27;", "&#39;", "&#039;", "&apos;"):
            for double in ("&quot;", "&#34;"):
                written = text.replace("&#x27;", mark).replace("&quot;", double)
                yield from (written, written.encode("ascii", "xmlcharrefreplace").decode())


def _fragments(raw: bytes, alphabet: object) -> Iterator[str]:
    """The part of base64 text that does not depend on what stands before or after the secret."""
    for before in range(3):
        encoded = alphabet(bytes(before) + raw).decode()  # type: ignore[operator]
        first = (before * 8 + 5) // 6
        last = (before + len(raw)) * 8 // 6
        if last - first >= SHORTEST_FRAGMENT:
            yield encoded[first:last]
