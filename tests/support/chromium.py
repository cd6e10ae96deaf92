"""People in a real Chromium, for tests: one who uses a mouse, and one who has nothing but a keyboard."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TABS_MAX: Final = 60
PATIENCE_MS: Final = 60_000
Then = str | re.Pattern[str] | None


def new_page(chromium: Browser, url: str, **how: Any) -> Page:
    """Return a new visitor's page; what a script of it fails with fails the test."""
    context = chromium.new_context(base_url=url, **how)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
    return page


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus, and see that the focus can be seen."""
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"the focus on {selector} is not seen"
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


@dataclass(frozen=True, slots=True)
class Mouse:
    """Clicks, and types into what was clicked."""

    page: Page

    def press(self, selector: str, then: Then = None) -> None:
        """Press a button or a link; ``then``: wait until the page is there that it leads to."""
        self.page.click(selector)
        if then is not None:
            self.page.wait_for_url(then)

    def write(self, selector: str, text: str) -> None:
        self.page.fill(selector, text)

    def choose(self, selector: str, words: str) -> None:
        """Choose what a list calls so."""
        options = self.page.locator(selector).locator("option").all_inner_texts()
        self.page.select_option(selector, label=next(one for one in options if one.startswith(words)))

    def tick(self, selector: str) -> None:
        """Choose the first of a group."""
        self.page.locator(selector).first.check()


class Keyboard(Mouse):
    """Does the same without touching a mouse."""

    def press(self, selector: str, then: Then = None) -> None:
        """Press a button or a link; ``then``: wait until the page is there that it leads to."""
        tab_to(self.page, selector)
        self.page.keyboard.press("Enter")
        if then is not None:
            self.page.wait_for_url(then)

    def write(self, selector: str, text: str) -> None:
        if not self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
            tab_to(self.page, selector)
        self.page.keyboard.type(text)

    def choose(self, selector: str, words: str) -> None:
        """Choose what a list calls so."""
        self.write(selector, words)

    def tick(self, selector: str) -> None:
        """Choose the first of a group."""
        tab_to(self.page, selector)
        self.page.keyboard.press("Space")
