"""One system with its pages open, for all tests of letters that need them; and a mail server for each."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from infra.services import Addresses
from infra.settings import Settings
from tests.support.api import CALLERS, Api, Keys
from tests.support.mail_server import MailServer, mail_server
from tests.support.pages import Browser, free_port, open_pages
from workers.trials.sandbox import at_work, sandbox

BOUNCE_SECRET: Final = f"whsec_{b64encode(b'of the mail service alone').decode()}"
AT_WORK: Final = ("commands", "relay", "tracking", "refund_ledger", "deadlines")
POLICIES: Final[dict[str, dict[str, Any]]] = {
    "standard": {"method": "label", "return_to": "WH-1", "ship_back_days": 14},
    "keep": {"method": "keep", "refund_due": "approval", "feedback_after_days": 0},
}
Writing = Callable[[MailServer], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def opened(addresses: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Keys]]:
    """A system with its pages open, each worker with the rights of its own role."""
    folder: Path = tmp_path_factory.mktemp("door")
    keys = Keys.written_to(folder / "keys.jsonl", CALLERS)
    port = free_port()
    given = Settings(
        postgres_dsn=addresses.postgres_dsn,
        kafka_bootstrap=addresses.kafka_bootstrap,
        partitions=3,
        http_port=port,
        http_public_url=f"http://127.0.0.1:{port}",
        http_keys_file=folder / "keys.jsonl",
        evidence_dir=folder / "evidence",
        http_rate=100_000,
        http_rate_anonymous=100_000,
        notices_bounce_secret=SecretStr(BOUNCE_SECRET),
        postgres_roles=True,
    )
    with sandbox(given, "letters") as settings, at_work(settings, AT_WORK), open_pages(settings):
        with Api(given.http_public_url or "", keys["shop"]) as shop:
            for policy_id, document in POLICIES.items():
                said = {"window": {"days": 30}, **document}
                data = {"policy_id": policy_id, "effective_from": "2020-01-01T00:00:00Z", "document": said}
                shop.accepted("PublishPolicy", data, actor="agent:A1")
        yield settings, keys


@pytest.fixture
def writing(opened: tuple[Settings, Keys]) -> Writing:
    """What runs the notices worker, with a mail server, until a block ends; it tells of nothing from before."""
    began = datetime.now(UTC)

    @contextmanager
    def written(server: MailServer) -> Iterator[None]:
        given = {
            "smtp_url": SecretStr(server.url),
            "notices_sender": "Shop <returns@shop.example>",
            "notices_since": began,
        }
        with at_work(opened[0].model_copy(update=given), ("notices",)):
            yield

    return written


@pytest.fixture
def mailbox(writing: Writing) -> Iterator[MailServer]:
    """The mail server, to which the notices worker hands what it writes."""
    with mail_server() as server, writing(server):
        yield server


@pytest.fixture
def shop(opened: tuple[Settings, Keys]) -> Iterator[Api]:
    """The shop, which sells and delivers over the API."""
    settings, keys = opened
    with Api(settings.http_public_url or "", keys["shop"]) as api:
        yield api


@pytest.fixture
def browser(opened: tuple[Settings, Keys]) -> Iterator[Browser]:
    """A customer's browser."""
    with Browser(opened[0].http_public_url or "") as browser:
        yield browser
