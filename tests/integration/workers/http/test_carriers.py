"""News of carriers over HTTP: they become commands, or are kept until the parcel is known."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from threading import Event
from typing import Any, Final

import httpx
import orjson
import psycopg
from standardwebhooks import Webhook

from infra.addresses import postgres_address
from infra.metrics import WorkerMetrics
from infra.settings import Settings
from tests.support.api import SECRETS, Api, Keys
from tests.support.pipeline import wait_for
from workers.http.door import opened
from workers.http.upkeep import try_again

NOW: Final = datetime.now(UTC)


def news(event_id: str, number: str, status: str, **more: Any) -> dict[str, Any]:
    """Return an event in our own form."""
    return {"event_id": event_id, "tracking_number": number, "status": status, "occurred_at": NOW.isoformat(), **more}


def tell(api: Api, carrier: str, *events: dict[str, Any], secret: str | None = None) -> httpx.Response:
    """Tell news as a carrier does, signed by its secret."""
    body, at = orjson.dumps({"events": events}).decode(), datetime.now(UTC)
    headers = {
        "webhook-id": "m-1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret or SECRETS[carrier]).sign("m-1", at, body),
        "content-type": "application/json",
    }
    with api.as_holder_of(None) as stranger:
        return stranger.post(f"/v1/carriers/{carrier}/events", content=body, headers=headers)


def shipped(api: Api, order_id: str, number: str, carrier: str = "UPS") -> str:
    """Ask for a return and issue its label; return its id, once the views know both."""
    api.sell(order_id)
    rma_id, _ = api.ask_return(order_id)
    label = {"rma_id": rma_id, "order_id": order_id, "label_id": "LB-1", "carrier": carrier, "tracking_number": number,
             "ship_to": "WH-1"}  # fmt: skip
    issued = api.accepted("IssueLabel", label)
    api.get("/v1/returns", params={"after": issued["events"][-1]["position"]})
    return rma_id


def test_news_of_a_parcel_move_its_return(api: Api) -> None:
    """In their order; told again, they are answered again and move nothing."""
    rma_id = shipped(api, "O-news", "1Z-1")
    events = [news("E-1", "1Z-1", "handed_over"), news("E-2", "1Z-1", "in_transit", place="Köln"),
              {"event_id": "E-3", "status": "nonsense"}]  # fmt: skip

    first, again = tell(api, "ups", *events), tell(api, "ups", *events)

    assert first.status_code == 200, first.text
    assert [event["status"] for event in first.json()["events"]] == ["accepted", "accepted", "malformed"]
    assert again.json() == first.json()
    wait_for(lambda: api.get(f"/v1/returns/{rma_id}").json()["status"] == "in_transit", "the return to move")
    types = [one["type"] for one in api.get(f"/v1/returns/{rma_id}/timeline").json()["items"]]
    assert (types.count("rma.Rma.HandedOver.v1"), types.count("rma.Rma.Scanned.v1")) == (1, 1)


def test_news_of_a_parcel_that_nobody_knows_wait_for_its_label(api: Api, door_settings: tuple[Settings, Keys]) -> None:
    """202; tried again, they are told once the label is known, and then no more."""
    settings = door_settings[0]
    told = tell(api, "ups", news("E-late", "1Z-late", "accepted"))
    assert (told.status_code, told.json()["events"]) == (202, [{"event_id": "E-late", "status": "kept"}])
    stop, metrics = Event(), WorkerMetrics("http")
    with (
        opened(settings, stop, metrics) as door,
        closing(psycopg.connect(postgres_address(settings), autocommit=True)) as connection,
    ):
        assert try_again(door, connection, every="0 s") == 0
        rma_id = shipped(api, "O-late", "1Z-late")
        assert try_again(door, connection, every="1 hour") == 0
        assert try_again(door, connection, every="0 s") == 1
        assert try_again(door, connection, every="0 s") == 0
        connection.execute("UPDATE rma_http.carrier_news SET state = 'kept', kept_at = now() - interval '15 days'")
        assert try_again(door, connection, every="1 hour") == 0
        states = connection.execute("SELECT DISTINCT state FROM rma_http.carrier_news").fetchall()

    wait_for(lambda: api.get(f"/v1/returns/{rma_id}").json()["status"] == "in_transit", "the return to move")
    assert states == [("unplaced",)]


def test_a_carrier_speaks_of_its_own_parcels_alone(api: Api) -> None:
    """By the carrier on the label: another's scan, which might set money free, moves nothing."""
    rma_id = shipped(api, "O-foreign", "1Z-foreign", carrier="DHL")

    told = tell(api, "ups", news("E-foreign", "1Z-foreign", "delivered"))

    assert told.json()["events"] == [{"event_id": "E-foreign", "status": "kept"}]
    assert api.get(f"/v1/returns/{rma_id}").json()["status"] == "authorized"


def test_a_refusal_is_no_reason_to_send_again(api: Api) -> None:
    """200 with the code: a carrier that gets an error sends for ever."""
    shipped(api, "O-refused", "1Z-refused")
    first = tell(api, "ups", news("E-refused", "1Z-refused", "accepted"))
    other = tell(api, "ups", news("E-refused", "1Z-refused", "delivered"))

    assert first.json()["events"][0]["status"] == "accepted"
    assert other.status_code == 200
    assert other.json()["events"] == [{"event_id": "E-refused", "status": "refused", "code": "command_id_reused"}]


def test_who_does_not_sign_is_not_heard(api: Api) -> None:
    """An unknown carrier and a wrong secret are the same 401."""
    answers = [tell(api, "ups", secret=SECRETS["gls"]), tell(api, "nobody", secret=SECRETS["ups"])]
    unsigned = api.post("/v1/carriers/ups/events", json={"events": []})

    assert [(told.status_code, told.json()) for told in answers] == [(401, unsigned.json())] * 2
    assert unsigned.json()["code"] == "signature_invalid"


def test_epcis_is_read_by_who_speaks_it(api: Api) -> None:
    """The same parcel, in the standard's words."""
    rma_id = shipped(api, "O-epcis", "106141412345678908", carrier="GLS")
    event = {"type": "ObjectEvent", "eventID": "urn:uuid:1", "eventTime": NOW.isoformat(), "bizStep": "receiving",
             "epcList": ["urn:epc:id:sscc:0614141.1234567890"]}  # fmt: skip
    body, at = orjson.dumps({"epcisBody": {"eventList": [event]}}).decode(), datetime.now(UTC)
    headers = {"webhook-id": "m", "webhook-timestamp": str(int(at.timestamp())),
               "webhook-signature": Webhook(SECRETS["gls"]).sign("m", at, body)}  # fmt: skip

    told = api.post("/v1/carriers/gls/events", content=body, headers=headers)

    assert told.json()["events"] == [{"event_id": "urn:uuid:1", "status": "accepted"}]
    wait_for(lambda: api.get(f"/v1/returns/{rma_id}").json()["status"] == "in_transit", "the return to move")
    assert api.get(f"/v1/returns/{rma_id}").json()["lines"][0]["logistics_state"] == "delivered"
