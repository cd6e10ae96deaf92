"""What one field can say is malformed, with its JSON path; who may send what; and what every command refuses."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from commands.dispatch import TIME_AHEAD_MAX, parse
from commands.faults import IN_WORDS, MalformedError
from commands.fields import AMOUNT_MINOR_MAX, QUANTITY_MAX
from commands.registry import REGISTRATIONS
from domain.errors import Fault, NotPermittedError, RuleViolationError, TimeInFutureError
from domain.money import MINOR_DIGITS
from domain.vocabularies import ActorKind
from tests.support.refusals import refused
from tests.support.shop import ORDERED, RMA_ID, Shop
from tests.support.stories import ORDER, POLICY, on_return, open_shop

LINE: dict[str, Any] = {"line": 1, "quantity": 1}
PAYOUT = {"payout_id": str(RMA_ID)}
DEADLINE = {"deadline_id": str(RMA_ID)}
MOVED = [{"line_id": "L1", "quantity": 1}]
DECIDED = [{**LINE, "decision": "approve"}]

BODIES: dict[str, dict[str, Any]] = {
    "RegisterOrder": ORDER,
    "EraseCustomer": {"customer_id": "C-1", "reason": "request"},
    "CorrectContact": {"order_id": "O-1", "contact": {"email": "a@b.example"}},
    "RecordShipment": {"order_id": "O-1", "shipment_id": "S", "lines": MOVED},
    "RecordDelivery": {"order_id": "O-1", "delivery_id": "D", "lines": MOVED},
    "PublishStatutes": {"edition": 1, "effective_from": "2026-01-01T00:00:00Z"},
    "PublishPolicy": {"policy_id": "standard", "effective_from": "2026-01-01T00:00:00Z", "document": POLICY},
    "RequestReturn": on_return(lines=[{"line_id": "L1", "quantity": 1, "reason": "fit", "wish": "refund"}]),
    "CorrectRequest": on_return(line=1, quantity=1),
    "AddEvidence": on_return(evidence=[{"evidence_id": "E", "kind": "photo", "uri": "u"}]),
    "WithdrawReturn": on_return(),
    "DecideRequest": on_return(lines=DECIDED),
    "OverrideDecision": on_return(lines=DECIDED, approved_by="boss", reason="x"),
    "AppealDenial": on_return(line=1, grounds="x"),
    "IssueLabel": on_return(label_id="L", carrier="DHL", tracking_number="T", ship_to="W"),
    "RecordHandover": on_return(),
    "RecordScan": on_return(tracking_number="T", scan_id="S", status="accepted"),
    "ReceiveGoods": on_return(receipt_id="R", site="W", items=[], complete=True),
    "TransferGoods": on_return(**LINE, to_site="W"),
    "RecordUnknownParcel": {"parcel_id": "P", "site": "W", "items": []},
    "AssignParcel": on_return(parcel_id="P"),
    "HoldGoods": on_return(**LINE, reason="x"),
    "ReleaseGoods": on_return(**LINE, reason="x"),
    "RecordInspection": on_return(**LINE, inspection_id="I", grade="A", cause="wear", liable_party="none"),
    "DecideDisposition": on_return(**LINE, disposition="scrap"),
    "DecideResolution": on_return(**LINE, resolution="refund"),
    "RecordPayoutOutcome": on_return(**PAYOUT, outcome="settled"),  # type: ignore[arg-type]
    "RetryPayout": on_return(**PAYOUT),  # type: ignore[arg-type]
    "GrantGoodwill": on_return(amount_minor=1, reason="x"),
    "CancelUnits": {
        "order_id": "O-1",
        "cancellation_id": "CN",
        "lines": [{"line_id": "L1", "quantity": 1}],
        "reason": "x",
    },
    "RecordCustomerPayment": on_return(payment_id="PM", amount_minor=1, tender_kind="card"),
    "RecordExternalRefund": {
        "order_id": "O-1",
        "external_id": "X",
        "tender_id": "T1",
        "amount_minor": 1,
        "kind": "console",
    },
    "RecordChargebackOutcome": {"order_id": "O-1", "external_id": "X", "outcome": "won"},
    "WriteOffReceivable": on_return(amount_minor=1, reason="x", approved_by="boss"),
    "RecordPayment": {"order_id": "O-1", "payment_id": "PM", "tender_id": "T1", "amount_minor": 1},
    "RefundOrder": {"order_id": "O-1", "refund_request_id": "RR", "shipping_minor": 1, "reason": "x"},
    "ClaimFromCustomer": on_return(amount_minor=1, reason="x"),
    "ShipReplacement": on_return(**LINE),
    "RecordReplacementLost": on_return(**LINE, reason="x"),
    "RecordRepair": on_return(**LINE),
    "SendBack": on_return(**LINE),
    "AnswerRemedy": on_return(line=1, accepted=True),
    "RequestEvidence": on_return(note="x"),
    "RecordNotice": on_return(notice_id="N", kind="approved", channel="email", outcome="sent"),
    "RecordNoticeOutcome": on_return(notice_id="N", outcome="bounced"),
    "Remind": on_return(**DEADLINE),  # type: ignore[arg-type]
    "AskFeedback": on_return(),
    "GiveFeedback": on_return(score=5),
    "CloseReturn": on_return(reason="x"),
    "ReopenReturn": on_return(reason="x"),
    "PassDeadline": on_return(**DEADLINE),  # type: ignore[arg-type]
    "ExtendDeadline": on_return(**DEADLINE, due_at="2026-01-01T00:00:00Z", reason="x"),  # type: ignore[arg-type]
    "SpendStoreCredit": on_return(credit_id=str(RMA_ID), spend_id="P", amount_minor=1),
    "ReportDifference": {"difference_id": str(RMA_ID), "kind": "missing_here", **PAYOUT},
    "ResolveDifference": {"difference_id": str(RMA_ID), "resolution": "written_off", "note": "x"},
    "IssueCreditNote": {"series_id": "default", "order_id": "O-1", "refund_id": str(RMA_ID)},
}
SENDERS = {
    "RegisterOrder": "system agent",
    "EraseCustomer": "system agent",
    "CorrectContact": "system agent customer",
    "RecordShipment": "system agent",
    "RecordDelivery": "system agent carrier",
    "PublishStatutes": "system agent",
    "PublishPolicy": "system agent",
    "RequestReturn": "customer agent",
    "CorrectRequest": "customer agent",
    "AddEvidence": "customer agent",
    "WithdrawReturn": "customer agent",
    "DecideRequest": "agent",
    "OverrideDecision": "agent",
    "AppealDenial": "customer agent",
    "IssueLabel": "agent system",
    "RecordHandover": "carrier agent",
    "RecordScan": "carrier agent",
    "ReceiveGoods": "warehouse agent",
    "TransferGoods": "warehouse agent",
    "RecordUnknownParcel": "warehouse agent",
    "AssignParcel": "agent",
    "HoldGoods": "warehouse agent",
    "ReleaseGoods": "warehouse agent",
    "RecordInspection": "warehouse agent",
    "DecideDisposition": "warehouse agent",
    "DecideResolution": "agent",
    "RecordPayoutOutcome": "gateway",
    "RetryPayout": "agent",
    "GrantGoodwill": "agent",
    "CancelUnits": "system agent",
    "RecordCustomerPayment": "gateway system agent",
    "RecordExternalRefund": "gateway system agent",
    "RecordChargebackOutcome": "gateway system agent",
    "WriteOffReceivable": "agent",
    "RecordPayment": "gateway system agent",
    "RefundOrder": "agent",
    "ClaimFromCustomer": "agent",
    "ShipReplacement": "warehouse agent",
    "RecordReplacementLost": "carrier warehouse agent",
    "RecordRepair": "warehouse agent",
    "SendBack": "warehouse agent",
    "AnswerRemedy": "customer agent",
    "RequestEvidence": "agent",
    "RecordNotice": "system",
    "RecordNoticeOutcome": "system",
    "Remind": "clock",
    "AskFeedback": "clock",
    "GiveFeedback": "customer agent",
    "CloseReturn": "agent",
    "ReopenReturn": "agent",
    "PassDeadline": "clock",
    "ExtendDeadline": "agent",
    "SpendStoreCredit": "system agent",
    "ReportDifference": "gateway system agent",
    "ResolveDifference": "agent",
    "IssueCreditNote": "clock system",
}
KINDS = ActorKind.__args__  # type: ignore[attr-defined]
ON_RETURNS = sorted(name for name, body in BODIES.items() if "rma_id" in body and name != "RequestReturn")


def faults(name: str, body: object) -> list[str]:
    """Return the JSON paths of what is wrong with a body; none where it can be read."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        parse(f"rma.{name}.v1", text)
    except MalformedError as malformed:
        return [fault.path for fault in malformed.faults]
    return []


def test_every_command_of_the_contract_is_there() -> None:
    """Each has a body here that can be read, so that a command that is added is tested too."""
    assert {name.split(".")[1] for name in REGISTRATIONS} == set(BODIES)
    assert all(faults(name, body) == [] for name, body in BODIES.items())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SENDERS)
def test_only_those_who_may_send_a_command_do(name: str, kind: str) -> None:
    """Anyone else is refused before anything is looked at, and the refusal says who may."""
    shop = Shop()
    if kind in SENDERS[name].split():
        try:
            shop.send(name, BODIES[name], actor=f"{kind}:X")
        except RuleViolationError as other:
            assert not isinstance(other, NotPermittedError)  # noqa: PT017 - most are refused for an unknown order
    else:
        permitted = sorted(SENDERS[name].split())
        refused(shop, "not_permitted", name, BODIES[name], actor=f"{kind}:X", actor_kind=kind, permitted=permitted)


@pytest.mark.parametrize("name", SENDERS)
def test_a_business_time_lies_at_most_a_day_ahead(name: str) -> None:
    """A later one is refused before anything is looked at, with the latest that would do; that one is not."""
    actor, latest = f"{SENDERS[name].split()[0]}:X", ORDERED + TIME_AHEAD_MAX
    late, body = latest + timedelta(microseconds=1), BODIES[name]
    refused(Shop(), "time_in_future", name, body, actor=actor, at=late, now=ORDERED, latest=latest.isoformat())
    try:
        Shop().send(name, BODIES[name], actor=actor, at=latest, now=ORDERED)
    except RuleViolationError as other:
        assert not isinstance(other, TimeInFutureError)  # noqa: PT017 - most are refused for an unknown order


@pytest.mark.parametrize("name", ON_RETURNS)
def test_a_command_about_a_return_needs_its_order_and_it(name: str) -> None:
    """An unknown order, an unknown return, and a return of another order are refused."""
    actor = f"{SENDERS[name].split()[0]}:X"
    refused(Shop(), "unknown_order", name, BODIES[name], actor=actor, order_id="O-1")
    shop = open_shop()
    refused(shop, "unknown_return", name, BODIES[name], actor=actor, order_id="O-1", rma_id=str(RMA_ID))
    shop.send("RequestReturn", BODIES["RequestReturn"])
    shop.send("RegisterOrder", {**ORDER, "order_id": "O-2"})
    refused(shop, "unknown_return", name, {**BODIES[name], "order_id": "O-2"}, actor=actor, order_id="O-2")


@pytest.mark.parametrize("name", BODIES)
def test_an_unknown_or_missing_field_is_malformed(name: str) -> None:
    """A misspelt field is never read as left out, and a required one is never guessed."""
    assert faults(name, {**BODIES[name], "discount_minr": 1}) == ["$.discount_minr"]
    for field in BODIES[name]:
        left_out = {key: value for key, value in BODIES[name].items() if key != field}
        optional = not REGISTRATIONS[f"rma.{name}.v1"].model.model_fields[field].is_required()
        assert faults(name, left_out) == ([] if optional else [f"$.{field}"])
    assert faults(name, {})


@pytest.mark.parametrize("quantity", [0, -1, 1.5, -1.0, QUANTITY_MAX + 1, 10**12, "1", True, None])
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("RegisterOrder", "lines.0.quantity"),
        ("RecordShipment", "lines.0.quantity"),
        ("RequestReturn", "lines.0.quantity"),
        ("DecideRequest", "lines.0.quantity"),
        ("HoldGoods", "quantity"),
        ("RecordInspection", "quantity"),
    ],
)
def test_a_quantity_is_a_whole_number_of_units(name: str, path: str, quantity: object) -> None:
    """Zero, negative, fractional, huge, text and truth values are malformed at their path."""
    assert faults(name, changed(BODIES[name], path, quantity)) == [dotted(path)]


@pytest.mark.parametrize("amount", [-1, -1.0, 9.99, "100", True, AMOUNT_MINOR_MAX + 1, None])
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("RegisterOrder", "lines.0.amount_minor"),
        ("RegisterOrder", "tenders.1.amount_minor"),
        ("GrantGoodwill", "amount_minor"),
        ("ClaimFromCustomer", "amount_minor"),
    ],
)
def test_money_is_a_whole_number_of_minor_units(name: str, path: str, amount: object) -> None:
    """Floats, text and negative amounts are malformed at their path."""
    assert faults(name, changed(BODIES[name], path, amount)) == [dotted(path)]


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("RegisterOrder", "order_id", ""),
        ("RegisterOrder", "order_id", "x" * 65),
        ("RegisterOrder", "order_id", "O 1"),
        ("RegisterOrder", "order_id", "Ö-1"),
        ("RegisterOrder", "order_id", 7),
        ("RegisterOrder", "currency", "eur"),
        ("RegisterOrder", "currency", "QQQ"),
        ("RegisterOrder", "currency", "DEM"),
        ("RecordPayoutOutcome", "currency", "QQQ"),
        ("RegisterOrder", "country", "USA"),
        ("RegisterOrder", "country", "XX"),
        ("RegisterOrder", "country", "UK"),
        ("RegisterOrder", "lines", []),
        ("RegisterOrder", "tax_included", "yes"),
        ("RequestReturn", "rma_id", "not-a-uuid"),
        ("RequestReturn", "lines", []),
        ("RequestReturn", "gift", 1),
        ("AddEvidence", "evidence", []),
        ("DecideRequest", "lines", []),
        ("RecordScan", "status", "teleported"),
        ("RecordInspection", "grade", "F"),
        ("RecordInspection", "cause", "gremlins"),
        ("RecordInspection", "liable_party", "nobody"),
        ("DecideDisposition", "disposition", "burn"),
        ("DecideResolution", "resolution", "undecided"),
        ("RecordPayoutOutcome", "outcome", "requested"),
        ("RecordCustomerPayment", "tender_kind", "on_account"),
        ("RecordCustomerPayment", "tender_kind", "exchange"),
        ("GrantGoodwill", "amount_minor", 0),
        ("GiveFeedback", "score", 0),
        ("GiveFeedback", "score", 6),
        ("CloseReturn", "reason", ""),
        ("CloseReturn", "reason", "a\x00b"),
        ("PublishPolicy", "effective_from", "2026-01-01T00:00:00"),
        ("ExtendDeadline", "due_at", "tomorrow"),
        ("HoldGoods", "line", 0),
    ],
)
def test_a_field_outside_its_schema_is_malformed(name: str, field: str, value: object) -> None:
    """Words outside the vocabulary, bad identifiers, times without an offset, empty lists: each at its path."""
    assert faults(name, {**BODIES[name], field: value}) == [f"$.{field}"]


@pytest.mark.parametrize("country", ["DE", "GB", "CN", "TW", "AQ", "EU", "ZZ"])
def test_a_country_is_one_of_iso_or_said_to_be_unknown(country: str) -> None:
    """The library knows the list; beside it stand the Union, and ZZ where nobody knows."""
    assert faults("RegisterOrder", {**ORDER, "country": country}) == []


def test_no_amount_is_shown_in_a_currency_that_no_order_can_have() -> None:
    """The currencies without two digits, kept by hand, are those of the list that is validated against."""
    assert all(faults("RegisterOrder", {**ORDER, "currency": currency}) == [] for currency in MINOR_DIGITS)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b'{"a":' * 500])
def test_what_is_no_object_is_malformed(body: bytes) -> None:
    """Not JSON, not UTF-8, no object, nested for ever: one fault at the root."""
    assert faults("CloseReturn", body) == ["$"]


PATTERNS = sorted(
    {
        pattern
        for registration in REGISTRATIONS.values()
        for pattern in re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', json.dumps(registration.model.model_json_schema()))
    }
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_is_told_in_words(pattern: str) -> None:
    """No sender is answered with a regular expression, whichever field of whichever command it gets wrong."""
    said = IN_WORDS[json.loads(f'"{pattern}"')]

    assert said.startswith("must ")
    assert not re.search(r"[\^$\\]|\{\d", said)


@pytest.mark.parametrize(
    ("name", "field", "value", "said"),
    [
        ("RegisterOrder", "order_id", "O 1", "must be 1 to 64 ASCII characters from ! to ~, without a space"),
        ("CloseReturn", "reason", "a\x00b", "must not hold the character U+0000"),
        ("RegisterOrder", "currency", "QQQ", "QQQ is no currency of ISO 4217"),
        ("RegisterOrder", "country", "XX", "XX is no country of ISO 3166-1; ZZ stands for one that is not known"),
        ("ExtendDeadline", "due_at", "1950-01-01T00:00:00Z", "the year must be from 1970 to 2199"),
    ],
)
def test_a_fault_is_a_sentence(name: str, field: str, value: object, said: str) -> None:
    """What is wrong is said to people, without the words of a library."""
    with pytest.raises(MalformedError) as malformed:
        parse(f"rma.{name}.v1", json.dumps({**BODIES[name], field: value}).encode())

    assert malformed.value.faults == [Fault(f"$.{field}", said)]


def test_an_unknown_type_is_malformed() -> None:
    """Nobody guesses what a type or a version meant."""
    for name in ("Teleport", "RegisterOrder.v2.extra", ""):
        assert faults(name, {}) == ["$.type"]


def test_every_fault_is_named() -> None:
    """A record with several faults names each."""
    wrong = {**ORDER, "currency": "x", "country": 1, "lines": [{**ORDER["lines"][0], "quantity": 0, "sku": ""}]}
    assert sorted(faults("RegisterOrder", wrong)) == [
        "$.country", "$.currency", "$.lines[0].quantity", "$.lines[0].sku",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "path"), [({"worn": [1]}, ".worn"), ({"worn": "a\x00b"}, ".worn"), ({"a b": ""}, ".a b")]
)
def test_a_faulty_answer_is_one_fault_at_its_own_path(answers: dict[str, Any], path: str) -> None:
    """The path leads into the body: it names nothing that only the model knows, and no value twice."""
    request = BODIES["RequestReturn"]
    lines = [{**request["lines"][0], "answers": answers}]
    assert faults("RequestReturn", {**request, "lines": lines}) == [f"$.lines[0].answers{path}"]
    assert faults("RecordInspection", {**BODIES["RecordInspection"], "checklist": answers}) == [f"$.checklist{path}"]


def changed(body: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a copy of a body with another value at a place such as ``lines.0.quantity``."""
    copy: dict[str, Any] = json.loads(json.dumps(body))
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place: Any = copy
    for part in parents:
        place = place[part]
    place[last] = value
    return copy


def dotted(path: str) -> str:
    return "$" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in path.split("."))
