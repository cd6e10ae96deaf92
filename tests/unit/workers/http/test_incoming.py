"""What the door makes of a request: the record that Kafka gets, and how long its sender would wait."""

from __future__ import annotations

import orjson
import pytest

from infra.envelope.command_record import read_command
from workers.http.access import counted_as
from workers.http.errors import DoorError, RateLimitedError, TooLargeError
from workers.http.incoming import read_commands
from workers.http.preferences import wanted_wait_s
from workers.http.problems import meanings
from workers.http.rates import Rate

STRUCTURED, BATCH, JSON = (
    "application/cloudevents+json", "application/cloudevents-batch+json", "application/json",
)  # fmt: skip


def test_a_structured_command_goes_on_as_it_came() -> None:
    """Byte for byte, spaces and all; its key is its order's."""
    body = b'{"id":"1" ,"type":"rma.X.v1","source":"/s","data":{"order_id":"O-1","amount":1.50}}'
    [one] = read_commands(f"{STRUCTURED}; charset=UTF-8", [], body, "/other")

    assert (one.value, one.key, one.source) == (body, "O-1", "/s")
    assert dict(one.headers) == {"content-type": STRUCTURED.encode()}


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"order_id": "O", "rma_id": "x"}, "O"),
        ({"policy_id": "P"}, "P"),
        ({"parcel_id": "U"}, "U"),
        ({"series_id": "S", "order_id": "O"}, "S"),
        ({"other": 1}, None),
        (None, None),
        ([1], None),
    ],
)
def test_the_key_is_the_commands_own_rule(data: object, key: str | None) -> None:
    [one] = read_commands(STRUCTURED, [], orjson.dumps({"id": "1", "type": "t", "data": data}), "/s")

    assert one.key == key


def test_a_source_that_is_not_said_is_the_callers() -> None:
    """In each mode; what is published says it."""
    said = {"id": "1", "type": "t", "data": {}}
    [structured] = read_commands(STRUCTURED, [], orjson.dumps(said), "/shop")
    [batched] = read_commands(BATCH, [], orjson.dumps([said]), "/shop")
    [binary] = read_commands(JSON, [("ce-id", "1"), ("ce-type", "t")], b"{}", "/shop")

    assert orjson.loads(structured.value)["source"] == orjson.loads(batched.value)["source"] == "/shop"
    assert dict(binary.headers)["ce_source"] == b"/shop"


def test_a_batch_has_a_hundred_commands_at_most() -> None:
    """More are too large, and none of them is published."""
    said = [{"id": f"{number}", "type": "t", "data": {}} for number in range(101)]

    assert len(read_commands(BATCH, [], orjson.dumps(said[:100]), "/shop")) == 100
    with pytest.raises(TooLargeError):
        read_commands(BATCH, [], orjson.dumps(said), "/shop")


def test_a_binary_command_is_one_of_kafkas_binary_mode() -> None:
    """The worker reads what the headers meant."""
    headers = [("ce-specversion", "1.0"), ("ce-id", "%22a%22"), ("ce-type", "t"), ("ce-time", "2026-03-01T00:00:00Z"),
               ("ce-actor", '"system:\\"x\\""'), ("ce-unknown", "y"), ("x-ce-id", "z")]  # fmt: skip
    [one] = read_commands(JSON, headers, b'{"order_id": "O"}', "/shop")

    read = read_command(one.headers, one.value)
    assert read.faults == ()
    assert read.attributes["id"] == '"a"'
    assert read.attributes["actor"] == 'system:"x"'
    assert "ce_unknown" not in dict(one.headers)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        (["wait=7"], 7),
        (["respond-async, wait=0"], 0),
        (["return=minimal", "WAIT = 12; x=y"], 12),
        (['wait="3"'], 3),
        (["wait=31"], 30),
        (["wait=99999999999999999999"], None),
        (["wait=-1"], None),
        (["wait=x"], None),
        (["wait=1.5"], None),
        (["wait=٣"], None),
        (["wait"], None),
    ],
)
def test_what_a_request_would_wait(headers: list[str], seconds: int | None) -> None:
    """Whole seconds up to 30; what is no number is as if it had not been said."""
    assert wanted_wait_s(headers) == seconds


def test_a_rate_is_counted_by_whom_and_by_the_minute() -> None:
    """One who is over it hears when to come again; others are not held up by him."""
    now = [0.0]
    rate = Rate(2, clock_s=lambda: now[0])
    rate.count("a")
    now[0] = 20.5
    rate.count("a")

    with pytest.raises(RateLimitedError) as limited:
        rate.count("a")
    rate.count("b")
    now[0] = 60.0
    rate.count("a")

    assert limited.value.headers == {"Retry-After": "40"}


def _leaves(root: type[DoorError]) -> list[type[DoorError]]:
    return [leaf for found in root.__subclasses__() for leaf in (found, *_leaves(found))]


def test_every_code_of_the_door_is_told() -> None:
    """With a sentence of its own, for `/problems/CODE`; no two errors share one."""
    codes = [found.code for found in _leaves(DoorError) if "code" in vars(found)]

    assert len(codes) == len(set(codes)) > 15
    assert set(codes) <= set(meanings())
    assert all(meanings().values())


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_who_has_many_addresses_is_counted_as_one(address: str, counted: str) -> None:
    """A subscriber of IPv6 has 2^64 of them: they are one stranger."""
    assert counted_as(address) == counted
