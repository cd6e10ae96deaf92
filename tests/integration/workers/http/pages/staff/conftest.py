"""The desk and the bench, open on the system of the API's tests: each test uses orders of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from infra.settings import Settings
from tests.integration.workers.http.pages.conftest import POLICY
from tests.support.api import Api, Keys
from tests.support.oidc import CLIENT, SECRET, Provider, open_provider
from tests.support.pages import Browser, free_port, open_pages
from workers.http.door import Door


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """Who vouches for people."""
    with open_provider() as opened:
        yield opened


@pytest.fixture(scope="session")
def staff_door(door_settings: tuple[Settings, Keys], provider: Provider) -> Iterator[tuple[Door, Keys]]:
    """A door with both ways to sign in."""
    settings, keys = door_settings
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    given = {
        "http_port": port, "http_public_url": url, "http_demo_login": True, "oidc_issuer": provider.url,
        "oidc_client_id": CLIENT, "oidc_client_secret": SecretStr(SECRET),
    }  # fmt: skip
    with open_pages(settings.model_copy(update=given)) as door:
        with Api(url, keys["shop"]) as api:
            rule = {"name": "seen first", "when": {"fact": "reason", "is": "quality"}}
            rule["then"] = {"decide": "review", "code": "high_value"}
            document = POLICY | {"limits": {"agent_minor": 500}, "rules": [rule]}
            data = {"policy_id": "desk", "effective_from": "2020-01-01T00:00:00Z", "document": document}
            api.accepted("PublishPolicy", data, actor="agent:A1")
        yield door, keys


@pytest.fixture
def shop(staff_door: tuple[Door, Keys]) -> Iterator[Api]:
    """The shop, which sells and delivers over the API."""
    door, keys = staff_door
    with Api(door.public_url, keys["shop"]) as api:
        yield api


@pytest.fixture
def browser(staff_door: tuple[Door, Keys]) -> Iterator[Browser]:
    """The browser of somebody who is not signed in."""
    with Browser(staff_door[0].public_url) as browser:
        yield browser


@pytest.fixture
def signed_in(browser: Browser) -> Iterator[Callable[[str], Browser]]:
    """Return the browser of one of the fixed people: ada, sol, wei, olu."""
    opened: list[Browser] = []

    def sign_in(person: str) -> Browser:
        own = browser.another()
        opened.append(own)
        offered = own.look("/staff/sign-in")
        own.post("/staff/sign-in/demo", data={"form_key": offered.forms[0].named("form_key"), "person": person})
        return own

    yield sign_in
    for own in opened:
        own.close()
