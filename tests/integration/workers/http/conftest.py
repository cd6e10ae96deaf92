"""One system with its door open, for all tests of the API: each test uses orders of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.services import Addresses
from infra.settings import Settings
from tests.support.api import CALLERS, Api, Keys, open_door, write_carriers
from tests.support.every_worker import vault_socket_in
from workers.trials.sandbox import at_work, sandbox

RATE = 100_000
WORKERS = ("commands", "relay", "tracking", "refund_ledger", "vault")


@pytest.fixture(scope="session")
def door_settings(addresses: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Keys]]:
    """Settings of a system at work, and the keys of those who may come in."""
    folder: Path = tmp_path_factory.mktemp("door")
    keys = Keys.written_to(folder / "keys.jsonl", CALLERS)
    given = Settings(
        postgres_dsn=addresses.postgres_dsn,
        kafka_bootstrap=addresses.kafka_bootstrap,
        partitions=3,
        http_port=0,
        http_keys_file=folder / "keys.jsonl",
        carriers_file=write_carriers(folder / "carriers.json"),
        evidence_dir=folder / "evidence",
        vault_socket=vault_socket_in(folder),
        http_rate=RATE,
        http_rate_anonymous=RATE,
        postgres_roles=True,
    )
    with sandbox(given, "http") as settings, at_work(settings, WORKERS):
        yield settings, keys


@pytest.fixture(scope="session")
def open_api(door_settings: tuple[Settings, Keys]) -> Iterator[Api]:
    """The API as the shop sees it, with a policy published and known."""
    settings, keys = door_settings
    with open_door(settings) as url, Api(url, keys["shop"]) as api:
        api.publish_policy()
        yield api


@pytest.fixture
def api(open_api: Api, door_settings: tuple[Settings, Keys]) -> Api:
    """The API as the shop sees it."""
    return open_api


@pytest.fixture
def keys(door_settings: tuple[Settings, Keys]) -> Keys:
    """The tokens of all callers, by name."""
    return door_settings[1]
