"""News of carriers: whose they are, what each form means, which commands they become."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from standardwebhooks import Webhook

from commands.dispatch import parse
from workers.http import carrier_epcis, carrier_neutral
from workers.http.carrier_file import CarriersFile
from workers.http.carrier_news import News, Parcel, Unreadable, commands_of
from workers.http.errors import CallersUnreadableError, NewsUnreadableError, SignatureInvalidError, TooLargeError

OLD, NEW, OTHER = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2, 3))
AT: Final = datetime(2026, 3, 10, 8, tzinfo=UTC)
TOLD: Final[dict[str, Any]] = {
    "event_id": "E-1", "tracking_number": "JJD-1", "status": "delivered", "occurred_at": "2026-03-10T09:00:00+01:00",
}  # fmt: skip
BODY: Final = orjson.dumps({"events": [TOLD]})


def signed(secret: str, *, body: bytes = BODY, at: datetime | None = None, **changes: str) -> dict[str, str]:
    at = at or datetime.now(UTC)
    signature = Webhook(secret).sign("m-1", at, body.decode())
    given = {"webhook-id": "m-1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
    return given | changes


@pytest.fixture
def carriers(tmp_path: Path) -> CarriersFile:
    path = tmp_path / "carriers.json"
    path.write_bytes(orjson.dumps({"ups": {"secrets": [OLD, NEW]}, "dhl": {"secrets": [OTHER], "labels": ["DHL DE"]}}))
    return CarriersFile(path)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_two_secrets_hold_while_one_takes_the_others_place(carriers: CarriersFile, secret: str) -> None:
    """So that neither side has to change at the same instant."""
    assert carriers.signed_by("ups", BODY, signed(secret)).adapter == "neutral"


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("ups", lambda: signed(OTHER)),
        ("dhl", lambda: signed(OLD)),
        ("nobody", lambda: signed(OLD)),
        ("ups", dict),
        ("ups", lambda: signed(OLD, at=datetime.now(UTC) - timedelta(hours=1))),
        ("ups", lambda: signed(OLD, at=datetime.now(UTC) + timedelta(hours=1))),
        ("ups", lambda: signed(OLD, body=b"{}")),
        ("ups", lambda: signed(OLD) | {"webhook-id": "m-2"}),
        ("ups", lambda: signed(OLD) | {"webhook-timestamp": "x"}),
        ("ups", lambda: signed(OLD) | {"webhook-signature": "v1"}),
        ("ups", lambda: signed(OLD) | {"webhook-signature": "v1,%%%"}),
        ("ups", lambda: signed(OLD) | {"webhook-signature": "v9,AAAA"}),
    ],
)
def test_what_is_not_signed_by_the_carrier_is_not_its_news(
    carriers: CarriersFile, name: str, sent: Callable[[], Mapping[str, str]]
) -> None:
    """Another's secret, an old message sent again, a changed one, no signature: one answer."""
    with pytest.raises(SignatureInvalidError):
        carriers.signed_by(name, BODY, sent())


def test_a_body_that_is_no_text_is_no_news(carriers: CarriersFile) -> None:
    with pytest.raises(SignatureInvalidError):
        carriers.signed_by("ups", b"\xff", signed(OLD))


@pytest.mark.parametrize(
    "said",
    [
        {"ups": {"secrets": []}},
        {"ups": {"secrets": [OLD, NEW, OTHER]}},
        {"ups": {"secrets": ["hunter2"]}},
        {"ups": {"secrets": ["whsec_c2hvcnQ="]}},
        {"ups": {"secrets": [OLD], "adaptor": "epcis"}},
        [],
    ],
)
def test_a_file_that_cannot_be_used_is_said_without_its_secrets(tmp_path: Path, said: Any) -> None:
    path = tmp_path / "carriers.json"
    path.write_bytes(orjson.dumps(said))

    with pytest.raises(CallersUnreadableError) as unreadable:
        CarriersFile(path)

    assert not [secret for secret in (OLD, "hunter2", "c2hvcnQ=") if secret in str(unreadable.value)]


def test_a_parcel_is_its_carriers_by_the_label(carriers: CarriersFile) -> None:
    """Whatever the letters' case; without a label nobody can tell."""
    ups, dhl = carriers.named("ups"), carriers.named("dhl")
    assert ups
    assert dhl

    assert [ups.carries("ups", label) for label in ("UPS", "DHL", None)] == [True, False, True]
    assert [dhl.carries("dhl", label) for label in ("dhl de", "dhl")] == [True, False]


def test_our_own_form_is_read_event_by_event() -> None:
    """One that cannot be read does not keep the others out."""
    bad = [{**TOLD, "status": "lost_it"}, {**TOLD, "event_id": "a b"}, {**TOLD, "occurred_at": "yesterday"}, 7,
           {**TOLD, "plaice": "x"}]  # fmt: skip
    first, *others = carrier_neutral.read(orjson.dumps({"events": [{**TOLD, "place": "Köln"}, *bad]}))

    assert first == News("E-1", ("JJD-1",), "delivered", AT, "Köln")
    assert [type(one) for one in others] == [Unreadable] * len(bad)


@pytest.mark.parametrize("read", [carrier_neutral.read, carrier_epcis.read])
@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"null", b'{"events": {}}', b'{"epcisBody": []}', b"\xff"])
def test_what_is_no_news_at_all_is_said(read: Any, body: bytes) -> None:
    with pytest.raises(NewsUnreadableError):
        list(read(body))


def test_too_many_at_once_are_too_large() -> None:
    with pytest.raises(TooLargeError):
        list(carrier_neutral.read(orjson.dumps({"events": [TOLD] * 101})))


def epcis(**changes: Any) -> bytes:
    """Return an EPCIS document of one object event."""
    event = {
        "type": "ObjectEvent",
        "eventID": "urn:uuid:6f1c1a52-6a1e-4c52-9d39-0a3a2f1f6c11",
        "eventTime": "2026-03-10T09:00:00+01:00",
        "eventTimeZoneOffset": "+01:00",
        "epcList": ["urn:epc:id:sscc:0614141.1234567890"],
        "action": "OBSERVE",
        "bizStep": "arriving",
        "disposition": "in_transit",
        "readPoint": {"id": "urn:epc:id:sgln:0614141.07346.1234"},
    } | changes  # fmt: skip
    return orjson.dumps({"@context": [], "type": "EPCISDocument", "epcisBody": {"eventList": [event]}})


def test_an_object_event_tells_of_its_parcel() -> None:
    """By hand, GS1's example: SSCC 1 0614141 234567890, check digit 8."""
    [news] = carrier_epcis.read(epcis())

    assert isinstance(news, News)
    assert news.tracking_numbers == ("106141412345678908", "00106141412345678908")
    assert (news.status, news.occurred_at, news.place) == ("in_transit", AT, "urn:epc:id:sgln:0614141.07346.1234")


@pytest.mark.parametrize(
    ("step", "disposition", "status"),
    [
        ("collecting", "in_transit", "handed_over"),
        ("accepting", None, "accepted"),
        ("https://ref.gs1.org/cbv/BizStep-departing", None, "in_transit"),
        ("urn:epcglobal:cbv:bizstep:receiving", "urn:epcglobal:cbv:disp:in_progress", "delivered"),
        ("cbv:BizStep-receiving", "cbv:Disp-damaged", "exception"),
        ("transporting", "stolen", "lost"),
    ],
)
def test_steps_and_dispositions_are_statuses(step: str, disposition: str | None, status: str) -> None:
    """Bare, as a URN or as a web address; what went wrong says more than where."""
    [news] = carrier_epcis.read(epcis(bizStep=step, disposition=disposition))

    assert isinstance(news, News)
    assert news.status == status


@pytest.mark.parametrize(
    ("named", "number"),
    [
        ({"epcList": ["https://id.gs1.org/00/106141412345678908"]}, "106141412345678908"),
        ({"epcList": ["JJD000390007"]}, "JJD000390007"),
        ({"epcList": [], "bizTransactionList": [{"bizTransaction": "urn:epcglobal:cbv:bt:06141410:JJD%2F7"}]}, "JJD/7"),
        ({"type": "AggregationEvent", "epcList": None, "parentID": "https://carrier.example/parcel/1Z9"}, "1Z9"),
    ],
)  # fmt: skip
def test_a_parcel_is_named_in_several_ways(named: dict[str, Any], number: str) -> None:
    [news] = carrier_epcis.read(epcis(**named))

    assert isinstance(news, News)
    assert number in news.tracking_numbers


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "TransformationEvent"}, {"bizStep": "retail_selling"}, {"bizStep": 7}, {"eventID": None},
        {"eventTime": "x"}, {"eventTime": 7}, {"epcList": []}, {"epcList": [7]}, {"epcList": "x"}, {"epcList": 7},
        {"bizTransactionList": [7], "epcList": []}, {"eventID": "a" * 300},
    ],
)  # fmt: skip
def test_an_event_that_is_no_news_is_said(changes: dict[str, Any]) -> None:
    """With its id, where it has one; nothing that a carrier sends is a defect of ours."""
    [told] = carrier_epcis.read(epcis(**changes))

    assert isinstance(told, Unreadable) or changes == {"epcList": "x"}


def test_the_page_shows_the_tables_that_are_read() -> None:
    """What a carrier's people read is what its events mean."""
    page = (Path(__file__).parents[4] / "docs" / "carriers.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|$", page, re.MULTILINE))

    assert rows == {**carrier_epcis.BY_DISPOSITION, **carrier_epcis.BY_STEP}


@pytest.mark.parametrize("status", ["handed_over", "accepted", "lost"])
@pytest.mark.parametrize("event_id", ["E-1", "x" * 200])
def test_news_become_commands_that_can_be_read(event_id: str, status: Any) -> None:
    """The same for the same news; one for each return in the parcel."""
    parcels = [Parcel(UUID(int=number), f"O-{number}", "JJD-1", "UPS") for number in (1, 2)]
    news = News(event_id, ("JJD-1",), status, AT, "Köln")
    one, both = commands_of("ups", news, parcels[:1]), commands_of("ups", news, parcels)

    assert (one[0].id, one[0].source, one[0].actor, one[0].key) == (event_id, "/carriers/ups", "carrier:ups", "O-1")
    assert len({command.id for command in both}) == 2
    for command in (*one, *both):
        parse(f"rma.{command.type}.v1", orjson.dumps(command.data))
