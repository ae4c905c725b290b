"""Second factors as a person uses them; the passkey is a virtual authenticator of the browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.world import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def with_device(page: Page, *, verified: bool = True) -> None:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {**DEVICE, "isUserVerified": verified}})


def sign_in(page: Page, who: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username or email").fill(who)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()


@pytest.fixture
def at_localhost(browser, stack) -> Iterator[Page]:
    """A page at http://localhost, where browsers offer passkeys without TLS."""
    context = browser.new_context(base_url=stack.url.replace("127.0.0.1", "localhost"))
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
    yield page
    context.close()
    assert faults == []


def add_passkey(page: Page, who: str, name: str, *, alone: bool) -> None:
    sign_in(page, who)
    expect(page).to_have_url(re.compile("^[^?]*/p/acme/"))
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Sign in with it alone").set_checked(alone)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def test_a_passkey_is_added_and_signs_in_alone(at_localhost):
    page = at_localhost
    with_device(page)
    add_passkey(page, "anna", "Anna's laptop", alone=True)
    sign_out(page)
    page.goto("/accounts/login/?next=/p/acme/runs/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(re.compile("^[^?]*/p/acme/"))
    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_role("row", name=re.compile("Anna's laptop"))).to_contain_text("Signing in alone")


def test_a_password_then_asks_for_the_second_step(at_localhost):
    page = at_localhost
    with_device(page)
    add_passkey(page, "vera", "A key", alone=False)
    sign_out(page)
    sign_in(page, "vera")
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile("^[^?]*/p/acme/"))


def test_a_device_that_knows_no_passkey_says_so(at_localhost):
    page = at_localhost
    with_device(page, verified=False)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("toast-stack")).to_contain_text("No passkey was used")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_address_without_passkeys_says_where_they_work(open_as):
    page = open_as(None, "accounts/login/")
    with_device(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("toast-stack")).to_contain_text("localhost")
