"""Which labels a return wants: one for each site, once; none where nothing has to be sent by a label of ours."""

from __future__ import annotations

from typing import Any, Final

import pytest

from domain.identity import label_id
from infra.labels.own import OwnLabels
from infra.labels.port import LabelRequest, MadeLabel
from infra.log.queries import EventIds
from infra.sites import Site
from tests.support.shop import RMA_ID, Shop, names
from tests.support.stories import day, on_return, open_shop, request
from workers.labels.parcels import WantedParcel, wanted_parcels
from workers.labels.worker import command_of

SITE: Final = Site(name="Returns", address=("1 Dock Road", "Dublin"))
BY_LABEL: Final[dict[str, Any]] = {"window": {"days": 30}, "method": "label", "return_to": "WH-1"}
SOCKS_ELSEWHERE: Final = {
    "rules": [{"name": "socks", "when": {"fact": "sku", "in": ["SOCK"]}, "then": {"return_to": "WH-2"}}]
}
BOTH: Final = ({"line_id": "L1", "quantity": 2}, {"line_id": "L2", "quantity": 1})


def wanted(shop: Shop) -> list[WantedParcel]:
    return wanted_parcels(shop.rma())


def issue(shop: Shop, parcel: WantedParcel) -> list[str]:
    """Record a label as the worker does; return the names of the facts."""
    made = MadeLabel("Returns", f"RL-{parcel.return_to}")
    command = command_of(parcel, SITE, made, day(4), EventIds(RMA_ID, "c"))
    return names(shop.send("IssueLabel", dict(command.data), actor="system:labels", at=day(4)))


@pytest.mark.parametrize("method", ["label", "drop_off"])
def test_what_is_approved_for_a_label_wants_one(method: str) -> None:
    """The first names no units, so that what is approved later goes with it; then nothing is wanted any more."""
    shop = open_shop(BY_LABEL | {"method": method})
    request(shop, *BOTH)

    [parcel] = wanted(shop)
    assert (parcel.label_id, parcel.return_to, parcel.lines) == (label_id(RMA_ID, "WH-1"), "WH-1", {})
    assert issue(shop, parcel) == ["LabelIssued"]
    assert wanted(shop) == []
    assert issue(shop, parcel) == []


@pytest.mark.parametrize("method", ["own_carrier", "store", "keep"])
def test_what_goes_another_way_wants_none(method: str) -> None:
    """The customer's own carrier, the store, or nothing sent at all."""
    shop = open_shop(BY_LABEL | {"method": method})
    request(shop, *BOTH)

    assert wanted(shop) == []


def test_each_site_has_a_label_of_its_own() -> None:
    """Each names its units, and its id follows from the return and the site."""
    shop = open_shop(BY_LABEL | SOCKS_ELSEWHERE)
    request(shop, *BOTH)

    found = {parcel.return_to: parcel for parcel in wanted(shop)}
    assert {site: parcel.lines for site, parcel in found.items()} == {"WH-1": {1: 2}, "WH-2": {2: 1}}
    for parcel in found.values():
        issue(shop, parcel)
    assert wanted(shop) == []
    assert {one.tracking_number: len(one.runs) for one in shop.rma().parcels.by_label.values()} == {
        "RL-WH-1": 1,
        "RL-WH-2": 1,
    }


def test_what_a_person_approves_later_wants_its_label_then() -> None:
    """Nothing is wanted of what is still looked at, or denied."""
    rules = [
        {
            "name": "look",
            "when": {"fact": "sku", "in": ["SOCK"]},
            "then": {"decide": "review", "code": "look", "return_to": "WH-2"},
        }
    ]
    shop = open_shop(BY_LABEL | {"rules": rules})
    request(shop, *BOTH)
    [first] = wanted(shop)
    issue(shop, first)
    assert (first.return_to, wanted(shop)) == ("WH-1", [])

    shop.send("DecideRequest", on_return(lines=[{"line": 2, "quantity": 1, "decision": "approve"}]), at=day(5))
    [second] = wanted(shop)
    assert (second.return_to, second.lines) == ("WH-2", {2: 1})


def test_who_has_labels_of_his_own_gets_none_of_ours() -> None:
    """A label for all goods that somebody else issued is enough."""
    shop = open_shop(BY_LABEL)
    request(shop, *BOTH)
    shop.send("IssueLabel", on_return(label_id="L-7", carrier="DHL", tracking_number="J1", ship_to="x"), at=day(4))

    assert wanted(shop) == []


def test_what_was_cancelled_or_sent_wants_none() -> None:
    """Only what is still with the customer, and is to be sent."""
    for told in ("WithdrawReturn", "RecordHandover"):
        shop = open_shop(BY_LABEL)
        request(shop, *BOTH)
        shop.send(told, on_return(), at=day(4))
        assert wanted(shop) == []


def test_numbers_of_our_own_are_the_same_for_the_same_parcel() -> None:
    """However often they are asked for; those of others differ."""
    shop = open_shop(BY_LABEL | SOCKS_ELSEWHERE)
    request(shop, *BOTH)
    maker = OwnLabels("Returns")
    asked = [
        LabelRequest(one.label_id, one.rma_id, one.rma_number, one.order_id, one.method, SITE) for one in wanted(shop)
    ]

    numbers = [maker.make(one).tracking_number for one in asked]
    assert numbers == [maker.make(one).tracking_number for one in asked]
    assert len(set(numbers)) == 2
    assert all(len(number) == 17 and number.isalnum() and number.startswith("RL") for number in numbers)
