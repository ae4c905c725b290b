"""Response bytes, read within limits: decompressed step by step, counted as they come, parsed strictly."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator

from controlplane.outbound.failures import BadResponse, ResponseTooLarge

PIECE_BYTES = 64 * 1024
MAX_JSON_DEPTH = 200
ACCEPT_ENCODING = "gzip, deflate"
# Python codecs that are no character sets; punycode takes quadratic time.
NOT_CHARSETS = frozenset(("", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"))


class Inflater:
    """Decompresses gzip or deflate in pieces of at most 64 KiB, so that a bomb never unfolds in memory."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._started = False
        self._stream = zlib.decompressobj(31 if encoding == "gzip" else 15)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream.eof:
                self._stream = zlib.decompressobj(31 if self._encoding == "gzip" else 15)
            yield self._step(data)
            data = self._stream.unconsumed_tail or self._stream.unused_data

    def finish(self) -> None:
        if self._started and not self._stream.eof:
            raise BadResponse("The compressed answer ends in the middle.", acted=True)

    def _step(self, data: bytes) -> bytes:
        try:
            piece = self._stream.decompress(data, PIECE_BYTES)
        except zlib.error as error:
            if self._encoding != "deflate" or self._started:
                raise BadResponse(f"The answer cannot be decompressed: {error}.", acted=True) from error
            # Some servers send raw deflate without the zlib wrapper.
            self._stream = zlib.decompressobj(-15)
            piece = self._stream.decompress(data, PIECE_BYTES)
        self._started = True
        return piece


def inflater(content_encoding: str) -> Inflater | None:
    """For a Content-Encoding value; None when there is nothing to undo. Raises `BadResponse` for others."""
    names = [name.strip() for name in content_encoding.lower().split(",")]
    wanted = [name.removeprefix("x-") for name in names if name not in ("", "identity")]
    if not wanted:
        return None
    if len(wanted) > 1 or wanted[0] not in ("gzip", "deflate"):
        raise BadResponse(f"The answer is encoded as {content_encoding[:100]}, unasked.", acted=True)
    return Inflater(wanted[0])


class Body:
    """Undoes the content encoding of chunks as they come, and caps the bytes on the wire."""

    def __init__(self, content_encoding: str, *, max_wire_bytes: int) -> None:
        self._inflater = inflater(content_encoding)
        self._max_wire_bytes = max_wire_bytes
        self._received = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        self._received += len(chunk)
        if self._received > self._max_wire_bytes:
            raise too_large(self._max_wire_bytes)
        return iter((chunk,)) if self._inflater is None else self._inflater.pieces(chunk)

    def finish(self) -> None:
        """Raises `BadResponse` when compressed data ends in the middle."""
        if self._inflater is not None:
            self._inflater.finish()


def decoded(chunks: Iterable[bytes], content_encoding: str, *, max_wire_bytes: int) -> Iterator[bytes]:
    """The body's bytes after decompression."""
    body = Body(content_encoding, max_wire_bytes=max_wire_bytes)
    for chunk in chunks:
        yield from body.feed(chunk)
    body.finish()


def wire_cap(max_bytes: int) -> int:
    """Bytes on the wire for a body of `max_bytes`: compression may add a little, one chunk may come too many."""
    return max_bytes + max_bytes // 100 + 2 * PIECE_BYTES


def read_capped(chunks: Iterable[bytes], max_bytes: int, *, truncate: bool) -> tuple[bytes, bool]:
    """The body and whether it was cut at `max_bytes`; without `truncate`, `ResponseTooLarge` instead."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            if not truncate:
                raise too_large(max_bytes)
            return bytes(body[:max_bytes]), True
    return bytes(body), False


def too_large(max_bytes: int) -> ResponseTooLarge:
    return ResponseTooLarge(f"The answer is larger than {max_bytes:,} bytes.", acted=True, max_bytes=max_bytes)


def is_json(content_type: str) -> bool:
    """By the media type alone, `application/problem+json` among them."""
    media = content_type.partition(";")[0].strip().lower()
    return media in ("application/json", "text/json") or media.endswith("+json")


def parse_json(body: bytes) -> object:
    """Strict JSON that PostgreSQL can store. Refused with `BadResponse`: bytes that are not UTF-8, NUL, lone
    surrogates, NaN, infinity, more than 200 levels. Silently changed data would be worse than a refusal."""
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise _bad(f"it is not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise _bad(f"it is nested deeper than {MAX_JSON_DEPTH} levels") from error
    except json.JSONDecodeError as error:
        raise _bad(f"{error.msg} (line {error.lineno}, column {error.colno})") from error
    except ValueError as error:
        raise _bad(str(error)[:200]) from error
    _check_depth(text, value)
    if "\\u" in text:
        _check_strings(value)
    return value


def clean_text(body: bytes, content_type: str) -> str:
    """Text for a person: what does not decode, and NUL, becomes the replacement character."""
    charset = _charset(content_type)
    try:
        text = body.decode(charset, errors="replace")
    except (LookupError, UnicodeError):
        text = body.decode("utf-8", errors="replace")
    return storable(text)


def storable(text: str) -> str:
    """Text PostgreSQL accepts: NUL and lone surrogates replaced."""
    text = text.replace("\x00", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", errors="surrogatepass").decode("utf-8", errors="replace")


def _charset(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
            return "utf-8" if charset in NOT_CHARSETS else charset
    return "utf-8"


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {digits[:40]} is out of range")
    return number


def _bad(reason: str) -> BadResponse:
    return BadResponse(f"The answer is not usable JSON: {reason}.", acted=True, reason=reason)


def _check_depth(text: str, value: object) -> None:
    if text.count("[") + text.count("{") <= MAX_JSON_DEPTH:
        return
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return
    raise _bad(f"it is nested deeper than {MAX_JSON_DEPTH} levels")


def _check_strings(value: object) -> None:
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            _check_string(current)
        elif isinstance(current, dict):
            pending.extend(current)
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)


def _check_string(text: str) -> None:
    if "\x00" in text:
        raise _bad("a text holds the NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise _bad("a text holds half of a surrogate pair")


def _children(parent: object) -> Iterable[object]:
    if isinstance(parent, dict):
        return parent.values()
    return parent if isinstance(parent, list) else ()
