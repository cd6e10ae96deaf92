"""What nobody could place waits at the desk, and becomes a command of the return or the order that it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from psycopg import Connection, connect

from infra.addresses import postgres_address
from tests.integration.workers.http.pages.staff.test_acting import form_path, timeline
from tests.support.api import Api, order
from tests.support.desk import SHOE, all_of, asked, number_of, seen
from tests.support.pages import Browser, Page
from tests.support.pipeline import wait_for
from workers.http.carrier_news import News, keep
from workers.http.door import Door

SignedIn = Callable[[str], Browser]
StaffDoor = tuple[Door, object]
SCRIPT: Final = '<script>alert("x")</script>'
NOW: Final = datetime.now(UTC)


def database(door: Door) -> Connection:
    return connect(postgres_address(door.settings), autocommit=True)


def listed(browser: Browser, queue: str) -> str:
    return " ".join(page.text for page in all_of(browser, f"/desk?queue={queue}"))


def place_of(browser: Browser, queue: str, what: str) -> str:
    """Return the address of what stands in a queue by its name."""
    pages = all_of(browser, f"/desk?queue={queue}")
    [link] = [link for page in pages for link in page.links if link.startswith("/desk/placing") and what in link]
    return link


def sent(browser: Browser, filled: Page) -> Page:
    """Look at what would happen, and send it."""
    [form] = [one for one in filled.forms if one.method == "post" and "/do/" in one.action]
    shown = browser.press(filled, form.action, {"step": "check"})
    assert "This would happen" in shown.text, shown.text
    return browser.press(shown, form.action, {"step": "send"})


def declared(door: Door, browser: Browser, order_id: str, at: datetime) -> str:
    """Declare a withdrawal without sign-in, and let it have been at a moment; return its id."""
    typed = {"name": f"Ann {SCRIPT}", "order_id": order_id, "email": "ann@mail.example"}
    confirm = browser.press(browser.look("/withdraw"), "/withdraw", typed)
    browser.press(confirm, "/withdraw/confirm")
    name = confirm.form("/withdraw/confirm").named("id")
    with database(door) as connection:
        connection.execute("UPDATE rma_http.withdrawals SET declared_at = %s WHERE withdrawal_id = %s", (at, name))
    return name


def sold_long_ago(shop: Api, order_id: str) -> None:
    """Sell and deliver an order so long ago that its window is over today."""
    at = (NOW - timedelta(days=39)).isoformat()
    shop.accepted("RegisterOrder", order(order_id, policy_id="desk", lines=[SHOE], country="DE"), time=at)
    delivery = {"order_id": order_id, "delivery_id": "D-1", "lines": [{"line_id": "L1", "quantity": 2}]}
    shop.accepted("RecordDelivery", delivery, time=at)


def test_a_withdrawal_becomes_a_request_of_the_day_it_was_declared(
    shop: Api, signed_in: SignedIn, browser: Browser, staff_door: StaffDoor
) -> None:
    """An agent finds its order; what was declared in time is in time, however late he looks; sent twice it is once."""
    door, _ = staff_door
    sold_long_ago(shop, "PL-w")
    name = declared(door, browser, "pl w", NOW - timedelta(days=30))
    ada = signed_in("ada")
    place = ada.look(place_of(ada, "withdrawals", name))
    assert f"Ann {SCRIPT}" in place.text
    assert SCRIPT not in place.response.text
    again = ada.look("/desk/placing", params={"kind": "withdrawal", "id": name, "q": "pl w"})
    assert "Nothing is called pl w." in again.text

    filled = ada.look("/desk/placing", params={"kind": "withdrawal", "id": name, "q": "PL-w"})
    done = sent(ada, filled)
    assert "Done: Ask for a return" in done.text, done.text

    [row] = shop.get("/v1/returns", params={"order_id": "PL-w"}).json()["items"]
    assert row["status"] == "authorized"
    assert datetime.fromisoformat(row["requested_at"]) == NOW - timedelta(days=30)
    [line] = shop.get(f"/v1/returns/{row['rma_id']}").json()["lines"]
    assert (line["reason"], line["quantity"]) == ("changed_mind", 2)
    assert name not in ada.look("/desk?queue=withdrawals").response.text
    assert ada.look("/desk/placing", params={"kind": "withdrawal", "id": name}).status == 404


def test_a_form_that_gave_something_its_place_counts_once(
    shop: Api, signed_in: SignedIn, browser: Browser, staff_door: StaffDoor
) -> None:
    """Double click: the second finds the first, and nothing that waits any more."""
    shop.sell("PL-twice", policy_id="desk", lines=[SHOE], country="DE")
    name = declared(staff_door[0], browser, "PL-twice", datetime.now(UTC))
    ada = signed_in("ada")
    filled = ada.look("/desk/placing", params={"kind": "withdrawal", "id": name, "q": "PL-twice"})
    [form] = [one for one in filled.forms if "/do/" in one.action]
    shown = ada.press(filled, form.action, {"step": "check"})

    first, again = (ada.press(shown, form.action, {"step": "send"}) for _ in range(2))

    assert [first.status, again.status] == [200, 200]
    assert len(shop.get("/v1/returns", params={"order_id": "PL-twice"}).json()["items"]) == 1


def test_what_is_about_nothing_is_put_aside(signed_in: SignedIn, browser: Browser, staff_door: StaffDoor) -> None:
    """By who acts, not by who only looks, who is not told whose it is either; and not by a form of another site."""
    name = declared(staff_door[0], browser, "PL-nobodys", datetime.now(UTC))
    path = f"/desk/placing?kind=withdrawal&id={name}"
    ada, olu = signed_in("ada"), signed_in("olu")
    page = ada.look(path)
    assert [form for form in olu.look(path).forms if form.action == path] == []
    assert "ann@mail.example" in page.text
    for seen_by_olu in (olu.look(path).text, listed(olu, "withdrawals")):
        assert "(sealed)" in seen_by_olu
        assert "ann@mail.example" not in seen_by_olu
        assert SCRIPT not in seen_by_olu
    key = olu.look("/desk").form("/staff/sign-out").named("form_key")
    assert olu.post(path, data={"form_key": key, "step": "aside"}).status_code == 403
    assert ada.post(path, data={"form_key": "another", "step": "aside"}).status_code == 403
    assert name in ada.look("/desk?queue=withdrawals").response.text

    after = ada.press(page, path, {"step": "aside"})

    assert after.response.url.query == b"queue=withdrawals"
    assert name not in after.response.text


def test_a_parcel_that_nobody_can_place_goes_from_the_bench_to_its_return(shop: Api, signed_in: SignedIn) -> None:
    """Kept under the number that was scanned; an agent places it, and it is a receipt there."""
    rma_id = asked(shop, "PL-parcel")
    wei, ada = signed_in("wei"), signed_in("ada")
    scanned = wei.look("/bench", params={"q": "NOBODYS-1"})
    [keep_it] = [link for link in scanned.links if "RecordUnknownParcel" in link]
    form = wei.look(keep_it)
    path = "/bench/parcels/do/RecordUnknownParcel"
    assert form.form(path).named("tracking_number") == "NOBODYS-1"
    typed = {"site": "WH-1", "items.0.sku": "SHOE-42", "items.0.quantity": "1", "step": "send"}
    kept = wei.press(form, path, typed)
    assert "Done: Keep a parcel that nobody can place" in kept.text, kept.text
    parcel = form.form(path).named("id")

    link = wait_for(
        lambda: parcel in ada.look("/desk?queue=parcels").response.text and place_of(ada, "parcels", parcel), "it"
    )
    assert "1 × SHOE-42" in ada.look(link).text
    filled = ada.look("/desk/placing", params={"kind": "parcel", "id": parcel, "q": number_of(shop, rma_id)})
    done = sent(ada, filled)

    assert "Done: Place a parcel here" in done.text, done.text
    [receipt] = [one["data"] for one in timeline(shop, rma_id) if one["type"] == "rma.Rma.Received.v1"]
    assert receipt["receipt_id"] == parcel
    assert parcel not in ada.look("/desk?queue=parcels").response.text
    assert ada.look(form_path(rma_id, "AssignParcel")).status == 200


def news_kept(door: Door, number: str, **changes: Any) -> str:
    """Keep a carrier's news for two weeks and longer; return their name."""
    told = {"status": "delivered", "occurred_at": NOW - timedelta(days=20), "place": SCRIPT, **changes}
    with database(door) as connection:
        keep(connection, "ups", News(f"E {number}", (number,), **told))
        query = "UPDATE rma_http.carrier_news SET state = 'unplaced' WHERE event_id = %s RETURNING news_id"
        [(name,)] = connection.execute(query, (f"E {number}",)).fetchall()
    return str(name)


@pytest.mark.parametrize(("status", "fact"), [("delivered", "Scanned"), ("handed_over", "HandedOver")])
def test_carriers_news_are_told_of_the_return_that_they_are_about(
    shop: Api, signed_in: SignedIn, staff_door: StaffDoor, status: str, fact: str
) -> None:
    """At the moment that the carrier named, under his own id of it."""
    rma_id = asked(shop, f"PL-news-{status}")
    name = news_kept(staff_door[0], f"LOST-{status}", status=status)
    ada = signed_in("ada")
    page = ada.look(place_of(ada, "news", name))
    assert SCRIPT in page.text
    assert SCRIPT not in page.response.text

    filled = ada.look("/desk/placing", params={"kind": "news", "id": name, "q": number_of(shop, rma_id)})
    done = sent(ada, filled)

    assert "Done:" in done.text, done.text
    [event] = [one for one in timeline(shop, rma_id) if one["type"] == f"rma.Rma.{fact}.v1"]
    assert event["data"]["tracking_number"] == f"LOST-{status}"
    assert datetime.fromisoformat(event["occurred_at"]) == NOW - timedelta(days=20)
    assert name not in ada.look("/desk?queue=news").response.text


def test_news_of_nobodys_parcel_are_put_aside(signed_in: SignedIn, staff_door: StaffDoor) -> None:
    """They are listed no longer; what becomes another command is none of theirs."""
    name = news_kept(staff_door[0], "NOBODYS-2")
    ada = signed_in("ada")
    path = f"/desk/placing?kind=news&id={name}"

    after = ada.press(ada.look(path), path, {"step": "aside"})

    assert name not in after.response.text
    assert ada.look(path).status == 404


def test_messages_that_came_back_wait_until_one_arrives(shop: Api, signed_in: SignedIn) -> None:
    """A bounce, and an address that the mail server does not know; the next that is sent ends it."""
    ada = signed_in("ada")
    for outcome in ("bounced", "failed"):
        rma_id = asked(shop, f"PL-mail-{outcome}")
        about = {"rma_id": rma_id, "order_id": f"PL-mail-{outcome}", "kind": "approved", "channel": "email"}
        first = about | {"notice_id": "N-1", "outcome": outcome, "reason": "550 no such user"}
        seen(shop, rma_id, shop.accepted("RecordNotice", first))
        number = number_of(shop, rma_id)
        assert number in listed(ada, "messages")

        seen(shop, rma_id, shop.accepted("RecordNotice", about | {"notice_id": "N-2", "outcome": "sent"}))
        assert number not in listed(ada, "messages")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"kind": "x", "id": "x"},
        {"kind": "withdrawal", "id": "x"},
        {"kind": "news", "id": str(UUID(int=1))},
        {"kind": "parcel", "id": SCRIPT},
        {"kind": "parcel", "id": "\x00"},
    ],
)
def test_what_does_not_wait_has_no_page(shop: Api, signed_in: SignedIn, query: dict[str, str]) -> None:
    """404; also as the beginning of a form."""
    rma_id = asked(shop, f"PL-none-{uuid4().hex[:8]}")
    ada = signed_in("ada")

    assert ada.look("/desk/placing", params=query).status == 404
    assert not query or ada.look(form_path(rma_id, "AssignParcel"), params=query).status == 404


def test_a_form_is_made_of_what_becomes_it_alone(shop: Api, signed_in: SignedIn, staff_door: StaffDoor) -> None:
    """News are no payout."""
    rma_id = asked(shop, "PL-other")
    name = news_kept(staff_door[0], "NOBODYS-3")

    page = signed_in("ada").look(form_path(rma_id, "GrantGoodwill"), params={"kind": "news", "id": name})

    assert page.status == 404
