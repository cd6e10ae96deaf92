"""PostgreSQL away: commands are taken all the same, reads say so, and afterwards everything is there."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from infra.addresses import postgres_address
from infra.settings import Settings
from tests.support.api import Api, Keys, open_door, order
from tests.support.pipeline import wait_for
from tests.support.proxy import Proxy


@pytest.mark.usefixtures("open_api")
def test_while_postgresql_is_away_nothing_is_lost(door_settings: tuple[Settings, Keys]) -> None:
    """The door lives, is not ready, takes commands, and tells their answers as soon as it can."""
    settings, keys = door_settings
    there = conninfo_to_dict(postgres_address(settings))
    with Proxy.to(str(there["host"]), int(str(there["port"]))) as way:
        through = make_conninfo(postgres_address(settings), host="127.0.0.1", port=way.port)
        with (
            open_door(settings.model_copy(update={"postgres_dsn": SecretStr(through)})) as url,
            Api(url, keys["shop"]) as api,
        ):
            way.cut()
            sent = api.tell("RegisterOrder", order("O-away"), id="c-away", prefer="wait=1")
            asked = api.get("/v1/results", params={"id": "c-away"})
            health = [api.get(path).status_code for path in ("/healthz", "/readyz")]
            way.mend()
            wait_for(lambda: api.get("/v1/results", params={"id": "c-away"}).status_code == 200, "the answer")

    assert sent.status_code in {200, 202}  # at once where the reader of answers need not note just now how far it is
    assert (asked.status_code, asked.json()["code"]) == (503, "unavailable")
    assert asked.headers["retry-after"]
    assert health == [200, 503]
