"""A shop with its pages open, for all tests in a real Chromium: each uses orders of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from infra.services import Addresses
from infra.settings import Settings
from workers.trials.sandbox import sandbox
from workers.trials.screenshots.camera import NoBrowserError, browser, open_shop
from workers.trials.screenshots.shop import Shop
from workers.trials.screenshots.staff import open_desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium. On a build server it has to be there; elsewhere it is said loudly where it is not."""
    try:
        with browser() as found:
            yield found
    except NoBrowserError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"NO PAGE WAS SEEN IN A BROWSER: {missing}")


@pytest.fixture(scope="module")
def running(addresses: Addresses) -> Iterator[Settings]:
    """Settings of a system of its own."""
    given = Settings(postgres_dsn=addresses.postgres_dsn, kafka_bootstrap=addresses.kafka_bootstrap, partitions=3)
    with sandbox(given, "pages") as settings:
        yield settings


@pytest.fixture(scope="module")
def open_pages(running: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, str]]:
    """A shop at work, and the address of its pages."""
    with open_shop(running, tmp_path_factory.mktemp("pages")) as opened:
        yield opened


@pytest.fixture(scope="module")
def desk_url(open_pages: tuple[Shop, str]) -> Iterator[str]:
    """The address of the desk and the bench."""
    with open_desk(open_pages[0]) as url:
        yield url
