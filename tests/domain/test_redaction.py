"""Secrets stay in, however they are written and wherever a chunk ends."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.domain.redaction import MASK, Redactor, is_secret_name

SECRET = 'pä$s/w"ord+1'

secrets = st.lists(st.text(min_size=4, max_size=12), min_size=1, max_size=3)


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        base64.b64encode(f"u:{SECRET}\n".encode()).decode(),
        base64.b64encode(f"us:{SECRET}!".encode()).decode(),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(json.dumps({"a": SECRET})),
        json.dumps(SECRET).replace("/", "\\/"),
        repr(SECRET),
        html.escape(SECRET),
        SECRET.encode().hex(),
    ],
)
def test_a_secret_is_replaced_in_every_encoding(written: str):
    shown = Redactor([SECRET]).text(f"before {written} after")
    assert MASK in shown
    assert written not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


def test_other_text_is_left_alone():
    redactor = Redactor([SECRET, "abc", ""])
    assert redactor.text("abc and more") == "abc and more"
    assert Redactor().text(SECRET) == SECRET
    assert Redactor().json({"a": SECRET}) == {"a": SECRET}


def test_a_secret_that_contains_another_is_replaced_whole():
    assert Redactor(["inner", "outer-inner-outer"]).text("x outer-inner-outer inner") == f"x {MASK} {MASK}"


def test_json_is_searched_everywhere():
    value = {"token-12345": ["x 12345", {"deep": (1, True, None, 1.5, "no")}], "number": 12345}
    assert Redactor(["12345"]).json(value) == {
        f"token-{MASK}": [f"x {MASK}", {"deep": [1, True, None, 1.5, "no"]}],
        "number": MASK,
    }


def test_headers_with_telling_names_are_masked_whole():
    headers = {"Authorization": "Basic x", "X-Api-Key": "k", "Set-Cookie": "a=b", "Accept": "a 12345", "Age": "3"}
    assert Redactor(["12345"]).headers(headers) == {
        "Authorization": MASK,
        "X-Api-Key": MASK,
        "Set-Cookie": MASK,
        "Accept": f"a {MASK}",
        "Age": "3",
    }


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Proxy-Authorization",
        "cookie",
        "set-cookie",
        "password",
        "db_passwd",
        "token",
        "access_token",
        "api_key",
        "apikey",
        "X-API-Key",
        "client_secret",
        "private-key",
        "sessionid",
        "aws_secret_access_key",
        "passphrase",
    ],
)
def test_it_knows_the_names_of_secrets(name: str):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["accept", "content-type", "max_tokens", "idempotency-key", "user-agent", "key"])
def test_it_does_not_suspect_ordinary_names(name: str):
    assert not is_secret_name(name)


class TestStream:
    @pytest.mark.parametrize("cut", range(1, len(SECRET)))
    def test_a_secret_split_over_two_chunks_never_comes_out(self, cut: int):
        stream = Redactor([SECRET]).stream()
        shown = stream.feed(f"before {SECRET[:cut]}") + stream.feed(f"{SECRET[cut:]} after") + stream.flush()
        assert shown == f"before {MASK} after"

    def test_text_without_a_beginning_of_a_secret_is_not_delayed(self):
        stream = Redactor([SECRET]).stream()
        assert stream.feed("a line\n") == "a line\n"
        assert stream.feed("ends in p") == "ends in "
        assert stream.feed("eace") == "peace"

    def test_a_complete_secret_is_held_while_it_may_be_the_beginning_of_a_longer_one(self):
        stream = Redactor(["abcd", "abcdefgh"]).stream()
        assert stream.feed("x abcd") == "x "
        assert stream.feed("efgh y") == f"{MASK} y"
        assert stream.feed("abcd") + stream.flush() == MASK

    def test_a_secret_whose_end_begins_another_is_not_cut(self):
        stream = Redactor(["xyzab", "abcde"]).stream()
        assert stream.feed("1 xyzab") == "1 "
        assert stream.feed(" 2") == f"{MASK} 2"

    @given(secrets, st.lists(st.text(max_size=6), max_size=8), st.data())
    def test_however_it_is_cut_the_stream_shows_what_the_whole_text_would(self, values, texts, data):
        redactor = Redactor(values)
        whole = "".join(part for text in texts for part in (text, data.draw(st.sampled_from(["", *values]))))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
        stream, shown = redactor.stream(), ""
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            shown += stream.feed(whole[start:end])
        shown += stream.flush()
        assert shown == redactor.text(whole)


@given(st.text(min_size=4, max_size=30), st.binary(max_size=7), st.binary(max_size=7))
def test_base64_of_anything_around_a_secret_hides_most_of_it(secret: str, before: bytes, after: bytes):
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    if len(secret.encode()) >= 8:
        assert MASK in Redactor([secret]).text(encoded)
