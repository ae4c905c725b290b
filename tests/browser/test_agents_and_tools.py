"""Agents and tools as operators see them: figures, health, versions, deployments, replicas, limits."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_tool_shows_its_calls_and_its_limit(open_as, stack):
    stack.finished("fan")
    pk = next(tool["id"] for tool in stack.api("tools")["results"] if tool["name"] == "echo")
    page = open_as("erin", f"tools/{pk}/")
    usage = page.locator("#usage")
    expect(usage).to_contain_text("Median latency")
    expect(usage.locator("canvas").first).to_be_visible()
    usage.get_by_role("link", name="24 hours").click()
    expect(page.get_by_role("heading", name="Last 24 hours")).to_be_visible()

    page.goto(f"/p/acme/tools/{pk}/edit")
    page.get_by_label("Calls a minute").fill("6000")
    page.get_by_role("button", name="Save as version").click()
    expect(page.locator("#limits")).to_contain_text("6,000")
    page.goto(f"/p/acme/tools/{pk}/usage?since=-24h")
    expect(page.get_by_role("link", name="fan")).to_be_visible()


def test_an_agent_is_watched_deployed_scaled_and_compared(open_as):
    page = open_as("erin", "agents/new?kind=function")
    page.get_by_label("Name").fill("helper")
    page.get_by_label("Function").select_option("test-echo")
    page.get_by_role("button", name="Create agent").click()
    expect(page.get_by_role("heading", name="helper")).to_be_visible()

    page.get_by_role("button", name="Watch health").click()
    expect(page.locator("#health")).to_contain_text("Healthy", timeout=60_000)

    page.locator("#scale").get_by_label("max").fill("4")
    page.get_by_role("button", name="Scale").click()
    expect(page.locator("#scale")).to_contain_text("Scaled between 1 and 4")

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Description").fill("Hands back what it is given")
    page.get_by_role("button", name="Save as version 2").click()
    deployments = page.locator("#deployments")
    for version in ("1", "2"):
        deployments.get_by_label("Version").select_option(version)
        deployments.get_by_label("to").select_option("production")
        deployments.get_by_role("button", name="Deploy").click()
        expect(deployments).to_contain_text(f"Production: version {version}")
    deployments.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(deployments).to_contain_text("Production: version 1")

    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="What changes")).to_be_visible()
    page.get_by_role("button", name="Restore version 1").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.locator("main")).to_contain_text("Version 3")
