"""Commands over HTTP: what each is answered, once and again, alone and in a batch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from psycopg import connect

from infra.addresses import postgres_address
from infra.settings import Settings
from tests.support.api import Api, Keys, event, order
from tests.support.pipeline import wait_for

BATCH = {"content-type": "application/cloudevents-batch+json", "prefer": "wait=30"}


def test_an_accepted_command_is_answered_with_its_result(api: Api) -> None:
    """200, the result as Kafka tells it, and how far the log is with it."""
    told = api.tell("RegisterOrder", order("O-accepted"), id="c-accepted")

    assert told.status_code == 200, told.text
    result = told.json()
    assert (result["status"], result["source"], result["command_id"]) == ("accepted", "/shop", "c-accepted")
    assert int(told.headers["rma-position"]) == result["events"][-1]["position"]
    assert told.headers["preference-applied"] == "wait=30"


def test_a_refused_command_is_a_problem_with_its_code(api: Api) -> None:
    """409; the result stands inside."""
    told = api.tell("RecordDelivery", {"order_id": "O-nobody", "delivery_id": "D-1", "lines": []})
    told = api.tell(
        "RecordDelivery",
        {"order_id": "O-nobody", "delivery_id": "D-1", "lines": [{"line_id": "L1", "quantity": 1}]},
    )

    problem = told.json()
    assert (told.status_code, told.headers["content-type"]) == (409, "application/problem+json")
    assert (problem["code"], problem["type"], problem["status"]) == ("unknown_order", "/problems/unknown_order", 409)
    assert problem["details"] == {"order_id": "O-nobody"}
    assert problem["result"]["status"] == "refused"
    assert api.get(problem["type"]).json()["code"] == "unknown_order"


def test_a_malformed_command_is_answered_by_the_worker_and_its_answer_is_kept(api: Api) -> None:
    """422 with every fault by its place; asked for later, the same: the log keeps no malformed answers."""
    told = api.tell("RegisterOrder", {"order_id": 7}, id="c-malformed")

    assert told.status_code == 422, told.text
    assert "$.order_id" in {fault["path"] for fault in told.json()["details"]["faults"]}
    kept = api.get("/v1/results", params={"id": "c-malformed"})
    assert (kept.status_code, kept.json()) == (422, told.json())

    corrected = api.tell("RegisterOrder", order("O-corrected"), id="c-malformed")
    assert corrected.status_code == 200, corrected.text
    assert api.get("/v1/results", params={"id": "c-malformed"}).json() == corrected.json()


def test_the_same_call_again_gives_the_same_answer_byte_for_byte(api: Api) -> None:
    """A repeat is no second command, whatever its time says; other data under its id is refused."""
    first = api.tell("RegisterOrder", order("O-again"), id="c-again")
    later = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()

    again = api.tell("RegisterOrder", order("O-again"), id="c-again", time=later)
    other = api.tell("RegisterOrder", order("O-other"), id="c-again")

    assert (again.status_code, again.content) == (200, first.content)
    assert (other.status_code, other.json()["code"]) == (409, "command_id_reused")
    assert api.get("/v1/results", params={"id": "c-again", "source": "/shop"}).content == first.content


def test_binary_mode_percent_decodes_its_headers(api: Api) -> None:
    """`ce-` headers as CloudEvents' HTTP binding writes them; the worker reads what was meant."""
    headers = {f"ce-{name}": str(value) for name, value in event("RegisterOrder", None).items() if name != "data"}
    headers |= {"ce-id": "caf%C3%A9%20%25", "ce-actor": '"system:M%C3%BCller"', "content-type": "application/json"}

    told = api.post("/v1/commands", content=orjson.dumps(order("O-binary")), headers={**headers, "prefer": "wait=30"})

    assert told.status_code == 200, told.text
    assert told.json()["command_id"] == "café %"
    assert api.get("/v1/results", params={"id": "café %"}).content == told.content


def test_a_batch_is_answered_in_order_each_command_as_it_would_be_alone(api: Api) -> None:
    """What belongs to one order keeps its order, though nothing was waited for in between."""
    delivery = {"order_id": "O-batch", "delivery_id": "D-1", "lines": [{"line_id": "L1", "quantity": 2}]}
    events = [
        event("RegisterOrder", order("O-batch")),
        event("RecordDelivery", delivery, source="/shop"),
        event("RecordDelivery", {**delivery, "delivery_id": "D-2"}),
        event("RecordDelivery", {}),
    ]

    told = api.post("/v1/commands", content=orjson.dumps(events), headers=BATCH)

    assert told.status_code == 200, told.text
    assert [one["status"] for one in told.json()] == [200, 200, 409, 422]
    assert told.json()[2]["body"]["code"] == "quantity_exceeded"


def test_what_is_not_answered_yet_is_answered_at_the_location(api: Api) -> None:
    """202 at once where nobody waits; the address tells the answer as soon as there is one."""
    told = api.tell("RegisterOrder", order("A/B ?#%2F"), id="c&d=1 #", prefer="wait=0")

    assert (told.status_code, told.headers["preference-applied"]) == (202, "wait=0")
    found = wait_for(lambda: api.get(told.headers["location"]).status_code != 404, "the answer")
    assert found
    assert api.get(told.headers["location"]).json()["code"] == "malformed"


@pytest.mark.parametrize(
    ("caller", "changes", "code"),
    [
        ("reader", {}, "read_only"),
        ("plain", {"source": "/shop"}, "source_not_allowed"),
        ("plain", {"actor": "gateway:stripe"}, "actor_not_allowed"),
        ("plain", {"time": "2026-01-01T00:00:00Z"}, "time_not_allowed"),
        ("plain", {"time": (datetime.now(UTC) + timedelta(days=2)).isoformat()}, "time_not_allowed"),
        ("plain", {"data": {"order_id": "O-1", "approved_by": "A-2"}}, "approval_not_allowed"),
        ("seller", {}, "seller_not_allowed"),
        ("seller", {"data": {"policy_id": "standard"}}, "seller_not_allowed"),
    ],
)
def test_a_caller_sends_only_what_is_its_to_send(
    api: Api, keys: Keys, caller: str, changes: dict[str, Any], code: str
) -> None:
    """403, and nothing is published: the id is free for whoever may."""
    command_id = uuid4().hex
    attributes = {"id": command_id, "actor": "system:shop", **changes}
    data = attributes.pop("data", order(f"O-{command_id}"))

    with api.as_holder_of(keys[caller]) as other:
        told = other.tell("RegisterOrder", data, **attributes)

    assert (told.status_code, told.json()["code"]) == (403, code), told.text
    assert api.tell("RegisterOrder", order(f"O-{command_id}"), id=command_id).status_code == 200


def test_an_answered_command_may_come_again_when_its_time_is_long_past(
    api: Api, keys: Keys, door_settings: tuple[Settings, Keys]
) -> None:
    """A caller that may not backdate repeats what it sent an hour ago, and gets that answer."""
    with api.as_holder_of(keys["plain"]) as plain:
        first = plain.tell("RegisterOrder", order("O-hour"), id="c-hour")
        again = plain.tell("RegisterOrder", order("O-hour"), id="c-hour", time="2026-01-01T00:00:00Z")

    assert first.status_code == 200
    assert again.content == first.content


def test_a_caller_bound_to_sellers_speaks_of_their_orders_alone(api: Api, keys: Keys) -> None:
    """By what the log says of the order, or what the same batch registers before."""
    delivery = {"order_id": "O-mine", "delivery_id": "D-1", "lines": [{"line_id": "L1", "quantity": 2}]}
    events = [event("RegisterOrder", order("O-mine", seller_id="S-1")), event("RecordDelivery", delivery)]
    with api.as_holder_of(keys["seller"]) as seller, api.as_holder_of(keys["rival"]) as rival:
        mine = seller.post("/v1/commands", content=orjson.dumps(events), headers=BATCH)
        theirs = rival.tell("RecordDelivery", {**delivery, "delivery_id": "D-9"})
        unknown = rival.tell("RecordDelivery", {**delivery, "order_id": "O-unknown"})

    assert [one["status"] for one in mine.json()] == [200, 200]
    assert [told.json()["code"] for told in (theirs, unknown)] == ["seller_not_allowed"] * 2


def test_results_are_those_of_ones_own_source(api: Api, keys: Keys) -> None:
    """Another's are not there: 404, as for an id that nobody used."""
    api.tell("RegisterOrder", order("O-secret"), id="c-secret")

    with api.as_holder_of(keys["plain"]) as other:
        asked = [
            other.get("/v1/results", params={"id": "c-secret", "source": source}) for source in ("/shop", "/plain")
        ]

    assert [(told.status_code, told.json()["code"]) for told in asked] == [(404, "not_found")] * 2


def test_nothing_of_a_batch_is_published_where_one_may_not_be_sent(
    api: Api, keys: Keys, door_settings: tuple[Settings, Keys]
) -> None:
    """All or nothing at the door: the first of the two is not answered, ever."""
    events = [event("RegisterOrder", order("O-half"), id="c-half"), event("RegisterOrder", order("O-h"), source="/x")]
    with api.as_holder_of(keys["plain"]) as plain:
        told = plain.post("/v1/commands", content=orjson.dumps(events), headers=BATCH)
        api.tell("RegisterOrder", order("O-after"))

    assert told.status_code == 403
    with connect(postgres_address(door_settings[0])) as connection:
        assert not connection.execute("SELECT 1 FROM rma_log.outcomes WHERE command_id = 'c-half'").fetchall()
