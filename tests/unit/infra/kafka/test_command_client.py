"""Commands on their way out: JSON lines as they are, keys as they belong, silence named."""

from __future__ import annotations

import pytest

from infra.kafka.command_client import LineError, NeverAnsweredError, OutgoingCommand, key_of, records_in

LINE = b'{"id": "c-1", "source": "/shop", "type": "rma.RequestReturn.v1", "data": {"order_id": "O-1", "lines": 7}}'


def test_lines_are_sent_as_they_are() -> None:
    """Nothing is parsed away or put right: the system judges what a line says; blank lines are none."""
    (record,) = records_in([b"\n", LINE + b"\n", b"  "])

    assert record.event == LINE
    assert (record.key, record.command) == ("O-1", ("/shop", "c-1"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "line 2 is not JSON"),
        (b"\xff", "line 2 is not JSON"),
        (b"[]", "line 2 is no JSON object"),
        (b'{"id": "c-1"}', "line 2 has no id and source"),
        (b'{"id": 7, "source": "/shop"}', "line 2 has no id and source"),
    ],
)
def test_a_line_that_is_no_event_is_named(line: bytes, said: str) -> None:
    """What has no id and source could never be answered; the message says which line it is."""
    with pytest.raises(LineError, match=said):
        list(records_in([LINE, line]))


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"order_id": "O-1", "policy_id": "standard"}, "O-1"),
        ({"order_id": "O-1", "series_id": "default"}, "default"),
        ({"policy_id": "standard"}, "standard"),
        ({"order_id": 7}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_the_key_is_the_series_else_the_order_else_the_policy(data: object, key: str | None) -> None:
    """What concerns one order goes to one partition, as do a series' numbers; without a readable key, to any."""
    assert key_of(data) == key


def test_attributes_that_are_left_out_are_not_sent() -> None:
    """A scenario without time or actor sends none, rather than an empty one."""
    command = OutgoingCommand("RequestReturn", "c-1", "/shop", None, None, None, {})

    assert command.to_bytes() == (
        b'{"specversion":"1.0","id":"c-1","source":"/shop","type":"rma.RequestReturn.v1",'
        b'"datacontenttype":"application/json","data":{}}'
    )


def test_silence_names_what_was_never_answered() -> None:
    """The first few commands are named, the others counted, and the likely remedy is said."""
    error = NeverAnsweredError([("/shop", f"c-{number}") for number in range(7)], 60.0)

    assert str(error).startswith("no answer came for 60 s to 7 commands: c-0 from /shop, ")
    assert str(error).endswith("c-4 from /shop and 2 more; do the workers run? (rma work all)")
