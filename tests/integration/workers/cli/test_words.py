"""`rma show` and `rma explain` leave out nothing that people said or decided, and name no fee that nobody takes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest

from infra.migrate import migrate
from tests.integration.projections.test_projections import play
from tests.support.command_line import invoke
from tests.support.recorded_facts import recorded_of
from tests.support.shop import RMA_ID, Shop
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

ASKING: dict[str, Any] = {
    **POLICY,
    "method": "label",
    "fees": {"return_shipping_minor": 100, "restocking_bps": 1000, "waived_for": ["defective"]},
    "rules": [
        {"name": "odd", "when": {"fact": "reason", "is": "other"}, "then": {"decide": "review", "code": "odd_reason"}},
        {"name": "worn", "when": {"fact": "answers.worn", "is": True}, "then": {"decide": "deny", "code": "worn"}},
    ],
}
PHOTO: dict[str, Any] = {"evidence_id": "E-1", "kind": "photo", "uri": "https://example.org/sole.jpg", "line": 2}


def contested() -> Shop:
    """Return a shop with a line that a person approved, and one that was denied, appealed, denied and overridden."""
    shop = open_shop(ASKING)
    request(
        shop,
        {"line_id": "L1", "quantity": 1, "reason": "other", "comment": "does not match the sofa"},
        {"line_id": "L2", "quantity": 1, "reason": "quality", "answers": {"worn": True}},
    )
    approved = {"line": 1, "quantity": 1, "decision": "approve"}
    shop.send("DecideRequest", on_return(lines=[approved], note="good customer"), actor="agent:rosa", at=day(4))
    appeal = on_return(line=2, grounds="worn once, indoors", evidence=[PHOTO])
    shop.send("AppealDenial", appeal, actor="customer:C-1", at=day(5))
    denied = {"line": 2, "quantity": 1, "decision": "deny", "code": "worn"}
    shop.send("DecideRequest", on_return(lines=[denied]), actor="agent:rosa", at=day(6))
    override = on_return(lines=[{**denied, "decision": "approve"}], approved_by="SUP-1", reason="the photo shows it")
    shop.send("OverrideDecision", override, actor="agent:rosa", at=day(7))
    shop.send("GiveFeedback", on_return(score=2, comment="why so long?"), actor="customer:C-1", at=day(9))
    return shop


def told(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, shop: Shop) -> None:
    migrate(postgres_dsn)
    play(postgres_dsn, recorded_of(shop), batch=100)
    monkeypatch.setenv("RMA_POSTGRES_DSN", postgres_dsn)


def show() -> Any:
    return orjson.loads(invoke("show", str(RMA_ID), "--json").stdout)


def test_what_people_said_is_shown(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comment, answers, evidence, note, grounds, the approver of an override and its reason, feedback in words."""
    told(postgres_dsn, monkeypatch, contested())
    said, drawn = show(), invoke("show", str(RMA_ID)).stdout

    assert [(one["line"], one["comment"], one["answers"]) for one in said["claims"]] == [
        (1, "does not match the sofa", None),
        (2, None, {"worn": True}),
    ]
    assert [one["uri"] for one in said["evidence"]] == [PHOTO["uri"]]
    assert [(one["stage"], one["line"], one["outcome"], one["approved_by"]) for one in said["persons"]] == [
        ("review", 1, "approve", None),
        ("appeal", 2, "review", None),
        ("review", 2, "deny", None),
        ("override", 2, "approve", "SUP-1"),
    ]
    words = ("does not match the sofa", "worn", PHOTO["uri"], "good customer", "worn once, indoors", "SUP-1",
             "the photo shows it", "why so long?")  # fmt: skip
    assert [word for word in words if word not in drawn] == []


def test_a_denial_says_its_code_and_why(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's code and note, in both pictures; what policy denied by has its sentence beside the code."""
    shop = open_shop(ASKING)
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "other"}, {"line_id": "L2", "quantity": 1}, on=3)
    denied = {"line": 1, "quantity": 1, "decision": "deny", "code": "scratched"}
    shop.send("DecideRequest", on_return(lines=[denied], note="see the second photo"), actor="agent:rosa", at=day(4))
    late = UUID(int=2)
    request(shop, {"line_id": "L2", "quantity": 1}, rma_id=late, on=60)
    told(postgres_dsn, monkeypatch, shop)
    drawn, explained = invoke("show", str(RMA_ID)).stdout, invoke("explain", str(RMA_ID)).stdout

    assert show()["summary"]["denial_code"] == "scratched"
    assert "denied: scratched" in drawn
    assert all("see the second photo" in said and "scratched" in said for said in (drawn, explained))
    assert "denied: the return window is over [window_expired]" in invoke("show", str(late)).stdout


def test_a_parcel_is_found_as_it_is_written(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracking number may hold spaces: it is found with them, and one without by how people group its digits."""
    shop = open_shop(ASKING)
    request(shop, {"line_id": "L1", "quantity": 1})
    for name, number in (("A", "RR 123 456 DE"), ("B", "JJD0099")):
        label = on_return(label_id=name, carrier="Post", tracking_number=number, ship_to="WH")
        shop.send("IssueLabel", label, at=day(4))
    told(postgres_dsn, monkeypatch, shop)

    for typed in ("RR 123 456 DE", " rr 123 456 de", "jjd 00 99"):
        assert str(RMA_ID) in invoke("show", typed).stdout, typed


def test_what_persons_decided_is_explained(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reviews, appeals and overrides stand among policy's decisions, line by line, in the order in which they came."""
    told(postgres_dsn, monkeypatch, contested())
    said = orjson.loads(invoke("explain", str(RMA_ID), "--json").stdout)

    assert [(one["line"], one["stage"], one["outcome"]) for one in said] == [
        (1, "request", "review"),
        (1, "review", "approve"),
        (2, "request", "deny"),
        (2, "appeal", "review"),
        (2, "review", "deny"),
        (2, "override", "approve"),
    ]
    assert said[1]["because"] == "Decided by agent:rosa, to whom policy left it. Note: good customer."
    assert said[3]["because"] == "Appealed by customer:C-1: worn once, indoors."
    assert "approved by SUP-1: the photo shows it" in said[5]["because"]
    assert "推翻原决定" in invoke("explain", str(RMA_ID), "--lang", "zh").stdout


def test_another_story_is_no_way_to_approval(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another answer of the customer's would have brought is told where it is asked for, and never else."""
    told(postgres_dsn, monkeypatch, contested())
    denial = "Line 2: 1 × SOCK, on the request: denied"

    def flips(*options: str) -> list[str]:
        said = orjson.loads(invoke("explain", str(RMA_ID), "--json", *options).stdout)
        found: list[str] = next(one["flips"] for one in said if one["heading"] == denial)
        return found

    assert flips() == [
        "No single change would have led to approval but to what the customer says, which is left out here."
    ]
    assert "answer to “worn” no instead of yes" in flips("--claims")


def terms(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, shop: Shop) -> list[str]:
    """Return the rows of the table of terms."""
    told(postgres_dsn, monkeypatch, shop)
    lines = invoke("show", str(RMA_ID)).stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Terms of each line"))
    return lines[start + 2 : lines.index("", start)]


@pytest.mark.parametrize(
    ("line", "shipping", "restocking"),
    [
        ({"reason": "too_small"}, "1.00 EUR", "10 %"),
        ({"reason": "defective"}, "0.00 EUR", "0 %"),
        ({"reason": "too_small", "wish": "replacement"}, "0.00 EUR", "10 %"),
        ({"reason": "too_small", "answers": {"worn": True}}, "0.00 EUR", "10 %"),
    ],
    ids=["borne", "waived for the reason", "no money goes back", "denied"],
)
def test_a_fee_that_is_not_taken_is_not_named(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, line: dict[str, Any], shipping: str, restocking: str
) -> None:
    """Return shipping stands in the terms where a refund would bear it, and only there."""
    shop = open_shop({**ASKING, "offers": ["refund", "replacement"]})
    request(shop, {"line_id": "L1", "quantity": 1, **line})
    (row,) = terms(postgres_dsn, monkeypatch, shop)

    assert shipping in row
    assert restocking in row


def test_a_fee_waived_at_the_bench_is_no_longer_named(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else is liable: neither fee is taken, and the terms say so; the money agrees."""
    shop = open_shop(ASKING)
    request(shop, {"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    inspect(shop, 1, 1, cause="manufacturing", liable_party="manufacturer")
    (row,) = terms(postgres_dsn, monkeypatch, shop)

    assert "0.00 EUR" in row
    assert "0 %" in row
    assert shop.rma().refund_minor == 333
