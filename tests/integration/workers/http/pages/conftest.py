"""One system with its pages open, for all their tests: each test uses orders of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.support.api import Api, Keys
from tests.support.pages import SHOP_SECRET, Browser, free_port, open_pages
from workers.http.door import Door

POLICY = {
    "window": {"days": 30},
    "offers": ["refund", "store_credit"],
    "fees": {"return_shipping_minor": 495, "waived_for": ["defective"]},
    "method": "label",
    "return_to": "WH-1",
    "questions": [
        {"name": "opened", "text": "Was the box opened?", "kind": "truth", "required": True,
         "when": {"fact": "reason", "in": ["defective"]}},
    ],
}  # fmt: skip


@pytest.fixture(scope="session")
def page_door(
    door_settings: tuple[Settings, Keys], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Door, Keys]]:
    """A door with pages, on the system of the API's tests."""
    settings, keys = door_settings
    folder: Path = tmp_path_factory.mktemp("pages")
    (folder / "enter.key").write_text(SHOP_SECRET)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    given = {"http_port": port, "http_public_url": url, "http_enter_key_file": folder / "enter.key"}
    with open_pages(settings.model_copy(update=given)) as door:
        with Api(url, keys["shop"]) as api:
            data = {"policy_id": "pages", "effective_from": "2020-01-01T00:00:00Z", "document": POLICY}
            api.accepted("PublishPolicy", data, actor="agent:A1")
        yield door, keys


@pytest.fixture
def shop(page_door: tuple[Door, Keys]) -> Iterator[Api]:
    """The shop, which sells and delivers over the API."""
    door, keys = page_door
    with Api(door.public_url, keys["shop"]) as api:
        yield api


@pytest.fixture
def browser(page_door: tuple[Door, Keys]) -> Iterator[Browser]:
    """A customer's browser."""
    door, _ = page_door
    with Browser(door.public_url) as browser:
        yield browser
