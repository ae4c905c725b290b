"""Writing in a code editor as a person does who pastes."""

from __future__ import annotations

from playwright.sync_api import Page, expect

PASTE = """(box, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  box.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


def write(page: Page, label: str, text: str) -> None:
    """Replace everything in the editor called `label` with `text`."""
    box = page.get_by_role("textbox", name=label)
    box.click()
    page.keyboard.press("ControlOrMeta+a")
    box.evaluate(PASTE, text)
    expect(page.locator("code-editor textarea")).to_have_value(text)
