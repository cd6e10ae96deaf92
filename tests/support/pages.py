"""A customer before the pages, for tests: a browser that keeps cookies, reads forms, and sends them as they stand."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from threading import Event
from typing import Any, Final, Self
from uuid import uuid4

import httpx
import jwt

from infra.metrics import WorkerMetrics
from infra.settings import Settings
from workers.http.door import Door, opened
from workers.http.worker import serving

SHOP_SECRET: Final = "a secret that only the shop and this door know"  # noqa: S105 - of the tests
TIMEOUT_S: Final = 40.0


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@contextmanager
def open_pages(settings: Settings) -> Iterator[Door]:
    """Open the door as its worker does, in threads of this process."""
    with opened(settings, Event(), WorkerMetrics("http")) as door, serving(door):
        yield door


def shop_token(order_id: str, customer_id: str = "C-1", *, key: str = SHOP_SECRET, **claims: Any) -> str:
    """Return a token by which the shop lets its customer in."""
    ends_at = datetime.now(UTC) + timedelta(minutes=5)
    said = {"order_id": order_id, "customer_id": customer_id, "exp": ends_at, "jti": uuid4().hex, **claims}
    return jwt.encode({name: value for name, value in said.items() if value is not None}, key, "HS256")


@dataclass
class Form:
    """A form of a page: where it is sent, and its fields as they stand."""

    method: str = "get"
    action: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[dict[str, str | None]] = field(default_factory=list)

    def named(self, name: str) -> str:
        return dict(self.fields)[name]


class Page(HTMLParser):
    """A page as it came: its forms, its links, its text."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.response = response
        self.status = response.status_code
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.language = ""
        self._select: str | None = None
        self._textarea: list[str] | None = None
        self._texts: list[str] = []
        self.feed(response.text)

    @property
    def text(self) -> str:
        """What a person reads, with single spaces."""
        return " ".join(" ".join(self._texts).split())

    def form(self, action: str) -> Form:
        """Return the form that is sent to an address."""
        [found] = [form for form in self.forms if form.action == action]
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        name, value = said.get("name") or "", said.get("value") or ""
        match tag:
            case "html":
                self.language = said.get("lang") or ""
            case "form":
                self.forms.append(Form(said.get("method") or "get", said.get("action") or ""))
            case "a":
                self.links.append(said.get("href") or "")
            case "input" if self.forms and name:
                is_off = said.get("type") in {"radio", "checkbox"} and "checked" not in said
                if not is_off and said.get("type") != "file":
                    self.forms[-1].fields.append((name, value))
            case "select":
                self._select = name
                self.forms[-1].fields.append((name, ""))
            case "option" if self._select is not None and "selected" in said:
                self.forms[-1].fields[-1] = (self._select, value)
            case "textarea":
                self.forms[-1].fields.append((name, ""))
                self._textarea = []
            case "button" if self.forms:
                self.forms[-1].buttons.append(said)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        elif tag == "textarea" and self._textarea is not None:
            name, _ = self.forms[-1].fields[-1]
            self.forms[-1].fields[-1] = (name, "".join(self._textarea))
            self._textarea = None

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self._textarea.append(data)
        self._texts.append(data)


class Browser(httpx.Client):
    """Somebody's browser, without JavaScript."""

    def __init__(self, url: str, language: str = "en") -> None:
        super().__init__(base_url=url, headers={"accept-language": language}, timeout=TIMEOUT_S, follow_redirects=True)

    def look(self, path: str, **how: Any) -> Page:
        """Open an address and return its page."""
        return Page(self.get(path, **how))

    def press(
        self, page: Page, action: str, changes: Mapping[str, str] | None = None, *, at: str | None = None, **how: Any
    ) -> Page:
        """Send a form of a page, with some fields changed; ``at``: by a button that sends it elsewhere."""
        fields = dict(page.form(action).fields) | dict(changes or {})
        return Page(self.post(at or action, data=fields, **how))

    def enter(self, order_id: str, customer_id: str = "C-1") -> Page:
        """Come in by a link of the shop; return the order's page."""
        offered = self.look("/returns/enter", params={"token": shop_token(order_id, customer_id)})
        return self.press(offered, "/returns/enter")

    def another(self) -> Self:
        """Return the browser of somebody else, who was never here."""
        return type(self)(str(self.base_url))
