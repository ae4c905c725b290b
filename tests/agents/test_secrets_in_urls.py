"""Secrets in URLs take up their own place and no more, and come back masked however the server writes them."""

from __future__ import annotations

import base64
import html
import json
import re
from urllib.parse import parse_qs, quote, quote_plus, unquote, urlsplit

import pytest

from agents.calls.context import CallContext
from agents.calls.tools import call_tool
from agents.catalogue.saving import snapshot_of
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.errors import InvalidInput
from controlplane.domain.failures import Failure
from controlplane.domain.redaction import MASK
from controlplane.projects.actions import set_secret
from controlplane.projects.actions.secrets import place
from controlplane.projects.models import Secret
from controlplane.projects.secrets import encryption
from tests.agents.catalogue import make_tool
from tests.agents.servers import Says

pytestmark = pytest.mark.django_db
NASTY = "a#b&c=d+e%2Ff g/ü?'\"<\\..{x}"


def keep(world, value: str, name: str = "KEY") -> None:
    set_secret(world.acme, name=name, value=value, by=world.actor("alice"))


def call(world, config: dict, input: dict | None = None):
    tool = make_tool(world, name=f"tool-{abs(hash(str(config)))}", config=config)
    return call_tool(snapshot_of(tool), input or {}, CallContext(world.acme.pk, CancelToken()))


def failure_of(world, config: dict, input: dict | None = None) -> str:
    with pytest.raises(Failure) as caught:
        call(world, config, input)
    return f"{caught.value.message} {json.dumps(caught.value.context, ensure_ascii=False)}"


@pytest.mark.parametrize("secret", [NASTY, "100%+1", "plain-secret", "half%2", "%2e%2e%2f", "漢字😀漢字"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_server_reads_the_secret_and_the_input_as_they_are(world, web, secret, method):
    keep(world, secret)
    url = (
        f"{web.url}/a/${{{{ secrets.KEY }}}}/{{name}}/b?key=${{{{ secrets.KEY }}}}&{{name}}=${{{{secrets.KEY}}}}&last=1"
    )
    call(world, {"method": method, "url": url}, {"name": NASTY, "more": "x"})
    asked = urlsplit(web.asked[0].path)
    assert [unquote(one) for one in asked.path.split("/")] == ["", "a", secret, NASTY, "b"]
    more = {"more": ["x"]} if method == "GET" else {}
    assert parse_qs(asked.query) == {"key": [secret], NASTY: [secret], "last": ["1"], **more}


def test_a_url_may_be_a_secret_as_a_whole_or_at_its_beginning(world, web):
    keep(world, f"{web.url}/hook/T00/B00?token=a%26b", "HOOK")
    keep(world, f"{web.url}/base", "START")
    keep(world, "k&y/1")
    call(world, {"url": "${{ secrets.HOOK }}"})
    call(world, {"url": "${{ secrets.START }}/items/{id}?key=${{ secrets.KEY }}"}, {"id": "a/b"})
    assert [asked.path for asked in web.asked] == ["/hook/T00/B00?token=a%26b", "/base/items/a%2Fb?key=k%26y%2F1"]


def test_a_host_is_only_ever_a_host(world, web):
    keep(world, web.address, "HOST")
    keep(world, "127.0.0.1/x?y=", "EVIL")
    keep(world, web.url, "START")
    call(world, {"url": "http://${{ secrets.HOST }}/ok"})
    assert web.asked[0].path == "/ok"
    assert "EVIL stands for the host" in failure_of(world, {"url": "http://${{ secrets.EVIL }}/ok"})
    assert "never the host" in failure_of(world, {"url": "${{ secrets.START }}{x}/ok"}, {"x": "@evil.example"})
    assert len(web.asked) == 1


def test_a_line_break_in_a_secret_never_becomes_a_header(world, web):
    keep(world, "token\r\nX-Injected: 1")
    assert "line break" in failure_of(
        world, {"url": web.url, "headers": {"Authorization": "Bearer ${{ secrets.KEY }}"}}
    )
    assert web.asked == []


WRITTEN = {
    "raw": str,
    "percent": lambda text: quote(text, safe=""),
    "lower": lambda text: re.sub("%..", lambda escape: escape.group().lower(), quote(text, safe="")),
    "form": quote_plus,
    "uri": lambda text: quote(text, safe=";/?:@&=+$,#!'()*"),
    "component": lambda text: quote(text, safe="!'()*"),
    "segment": lambda text: quote(text, safe="!$&'()*+,;=:@"),
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "form twice": lambda text: quote(quote_plus(text), safe=""),
    "latin-1": lambda text: quote(text, safe="", encoding="latin-1"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "basic": lambda text: "Basic " + base64.b64encode(f"user:{text}".encode()).decode(),
    "base64 in a url": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "json": json.dumps,
    "json in php": lambda text: json.dumps(text).replace("/", "\\/"),
    "json in go": lambda text: json.dumps(text, ensure_ascii=False).replace("<", "\\u003c").replace("&", "\\u0026"),
    "json twice": lambda text: json.dumps(json.dumps(text)),
    "html": html.escape,
    "html of others": lambda text: html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "xml": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
    "repr": repr,
    "bytes": lambda text: repr(text.encode()),
    "hex": lambda text: text.encode().hex().upper(),
}


@pytest.mark.parametrize("status", [200, 500])
def test_what_a_server_says_of_the_secret_is_masked_however_it_writes_it(world, web, status):
    secret = "zQ7#x&y+1%d e/ü<'K9w"
    keep(world, secret)
    for name, write in WRITTEN.items():
        web.answer = Says(f"it was {write(secret)}!".encode(), status=status, headers={"Content-Type": "text/plain"})
        config = {"url": f"{web.url}/{name.replace(' ', '-')}?key=${{{{ secrets.KEY }}}}"}
        seen = str(call(world, config)) if status == 200 else failure_of(world, config)
        assert MASK in seen, name
        assert "zQ7" not in seen, name
        assert "K9w" not in seen, name
        assert write(secret) not in seen, name


def test_a_secret_that_an_excerpt_cuts_in_two_is_masked(world, web):
    keep(world, "abcdefghijklmnopqrstuvwxyz")
    web.answer = Says(b"." * 1_988 + b"abcdefghijklmnopqrstuvwxyz" * 9, status=500)
    seen = failure_of(world, {"url": f"{web.url}/${{{{ secrets.KEY }}}}"})
    assert MASK in seen
    assert "abcd" not in seen


def test_a_secret_too_short_to_be_masked_is_refused_and_an_old_one_is_shown_with_a_warning(world):
    with pytest.raises(InvalidInput) as caught:
        keep(world, "abc")
    assert caught.value.errors[0].message == "A secret has at least 4 characters, so that it can be masked in logs."
    for name, value in (("OLD", "abc"), ("NEW", "abcd")):
        sealed = encryption.seal(value, bound_to=place(world.acme.pk, name))
        Secret.objects.create(project=world.acme, name=name, sealed=sealed, updated_by="alice")
    listed = world.api("alice").get("/api/v1/secrets").json()["results"]
    assert {one["name"]: one["is_masked"] for one in listed} == {"OLD": False, "NEW": True}
    page = world.client("alice").get("/p/acme/secrets/").content.decode()
    assert page.count("logs and outputs may show it") == 1
