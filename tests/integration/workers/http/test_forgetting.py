"""What the doors hold of a customer goes once he is erased: files, sessions, links, mails, declarations."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from infra.addresses import postgres_address
from infra.settings import Settings
from tests.integration.workers.http.test_reads import get
from tests.support.api import Api, Keys
from workers.http.evidence_store import Folder
from workers.http.forgetting import forget_erased
from workers.http.visitors import Admitted, ReturnLink, begin_session, link_of, mint_link, note_upload

PDF = b"%PDF-1.7\n%%EOF\n"
OF_CUSTOMER = "SELECT count(*) FROM rma_http.{} WHERE customer_id = %s"
OF_ORDER = "SELECT count(*) FROM rma_http.{} WHERE order_id = %s"


def put(api: Api) -> UUID:
    return UUID(api.post("/v1/evidence", content=PDF).json()["uri"].rpartition("/")[2])


def leave(connection: psycopg.Connection, api: Api, customer: str, order: str, at: datetime) -> tuple[UUID, UUID]:
    """Leave something in every table of the doors; return the files: of a return, and of a session alone."""
    api.sell(order, customer_id=customer)
    file, loose, rma_id = put(api), put(api), uuid4()
    item = {"evidence_id": "E-1", "kind": "document", "uri": f"/v1/evidence/{file}"}
    lines = [{"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund"}]
    body = {"rma_id": str(rma_id), "order_id": order, "lines": lines, "evidence": [item]}
    asked = api.accepted("RequestReturn", body, actor=f"customer:{customer}")
    get(api, f"/v1/returns/{rma_id}", asked)
    begin_session(connection, f"cookie-{order}", Admitted(order, customer), at)
    [(session,)] = connection.execute("SELECT session FROM rma_http.sessions WHERE order_id = %s", (order,)).fetchall()
    note_upload(connection, session, loose, len(PDF))
    mint_link(connection, rma_id, order, customer, at)
    connection.execute(
        "INSERT INTO rma_http.start_links (link, order_id, customer_id, ends_at) VALUES (%s, %s, %s, %s)",
        (uuid4().bytes, order, customer, at + timedelta(minutes=30)),
    )
    connection.execute(
        "INSERT INTO rma_http.outbox (mail_id, kind, order_id, recipient, language, subject, body, made_at)"
        " VALUES (%s, 'start_link', %s, 'canary@lind.example', 'en', 's', 'b', %s)",
        (uuid4(), order, at),
    )
    connection.execute(
        "INSERT INTO rma_http.withdrawals (withdrawal_id, order_id, name, email, declared_at)"
        " VALUES (%s, %s, 'Canary', 'canary@lind.example', %s)",
        (uuid4(), order, at),
    )
    connection.execute(
        "INSERT INTO rma_http.pending_commands"
        " (command_id, name, body, person, person_name, about, back, currency, asked_at)"
        " VALUES (%s, 'GrantGoodwill', jsonb_build_object('order_id', %s::text), 'p', 'P', 'x', '/', 'EUR', %s)",
        (uuid4(), order, at),
    )
    return file, loose


def held(connection: psycopg.Connection, customer: str, order: str) -> dict[str, Any]:
    tables = {"sessions": OF_CUSTOMER, "return_links": OF_CUSTOMER, "start_links": OF_CUSTOMER} | {
        "outbox": OF_ORDER, "withdrawals": OF_ORDER,
    }  # fmt: skip
    return {
        table: connection.execute(query.format(table).encode(), (whose,)).fetchone()
        for table, query in tables.items()
        for whose in [customer if query is OF_CUSTOMER else order]
    }


def test_all_of_it_goes_with_him_and_nobody_elses(api: Api, door_settings: tuple[Settings, Keys]) -> None:
    """Another customer's stays; so does what somebody leaves who comes back afterwards. Again it does nothing."""
    settings = door_settings[0]
    assert settings.evidence_dir is not None
    folder, now = Folder(settings.evidence_dir), datetime.now(UTC)
    with closing(psycopg.connect(postgres_address(settings), autocommit=True)) as connection:
        gone = leave(connection, api, "C-gone", "O-gone", now)
        stays = leave(connection, api, "C-stays", "O-stays", now)
        assert forget_erased(connection, folder) == 0, "nobody was erased"
        api.accepted("EraseCustomer", {"customer_id": "C-gone", "reason": "request"})
        mint_link(connection, uuid4(), "O-gone", "C-gone", datetime.now(UTC) + timedelta(seconds=5))

        assert forget_erased(connection, folder) == 8
        assert held(connection, "C-gone", "O-gone") == {
            "sessions": (0,), "return_links": (1,), "start_links": (0,), "outbox": (0,), "withdrawals": (0,),
        }  # fmt: skip
        assert set(held(connection, "C-stays", "O-stays").values()) == {(1,)}
        assert forget_erased(connection, folder) == 0
    assert [folder.path_of(file).exists() for file in (*gone, *stays)] == [False, False, True, True]


def test_a_gift_that_comes_back_is_its_recipients(api: Api, door_settings: tuple[Settings, Keys]) -> None:
    """His file stays when the giver is erased, and goes when he is."""
    folder, rma_id = Folder(door_settings[0].evidence_dir or Path()), uuid4()
    api.sell("O-given", customer_id="C-giver")
    file = put(api)
    body = {
        "rma_id": str(rma_id), "order_id": "O-given", "gift": True, "recipient_id": "C-given",
        "lines": [{"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "store_credit"}],
        "evidence": [{"evidence_id": "E-1", "kind": "document", "uri": f"/v1/evidence/{file}"}],
    }  # fmt: skip
    get(api, f"/v1/returns/{rma_id}", api.accepted("RequestReturn", body, actor="customer:C-given"))
    with closing(psycopg.connect(postgres_address(door_settings[0]), autocommit=True)) as connection:
        for customer, left in (("C-giver", True), ("C-given", False)):
            api.accepted("EraseCustomer", {"customer_id": customer, "reason": "request"})
            forget_erased(connection, folder)
            assert folder.path_of(file).exists() is left, customer


@pytest.mark.parametrize("gift", [False, True], ids=["his own", "a gift"])
@pytest.mark.parametrize("end", ["CorrectContact", "EraseCustomer"])
def test_a_link_ends_with_the_address_it_was_sent_to(
    api: Api, door_settings: tuple[Settings, Keys], end: str, gift: bool
) -> None:
    """Where who asked is reached in another way, or forgotten, the old link opens nothing at once; a new one does.

    How the giver of a gift is reached is not its recipient's affair.
    """
    order_id, customer_id, rma_id = f"O-{end}-{gift}", f"C-{end}-{gift}", uuid4()
    requester_id = f"R-{end}" if gift else customer_id
    api.sell(order_id, customer_id=customer_id, contact={"email": "old@mail.example"})
    lines = [{"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "store_credit"}]
    asked: dict[str, Any] = {
        "rma_id": str(rma_id),
        "order_id": order_id,
        "lines": lines,
        "contact": {"email": "own@mail.example"},
    }
    asked |= {"gift": True, "recipient_id": requester_id} if gift else {}
    get(api, f"/v1/returns/{rma_id}", api.accepted("RequestReturn", asked, actor=f"customer:{requester_id}"))
    ends: dict[str, dict[str, Any]] = {
        "CorrectContact": {"order_id": order_id, "contact": {"email": "new@mail.example"}},
        "EraseCustomer": {"customer_id": requester_id, "reason": "request"},
    }
    about, opens = (rma_id, order_id, customer_id), ReturnLink(rma_id, order_id, customer_id)
    with closing(psycopg.connect(postgres_address(door_settings[0]), autocommit=True)) as connection:
        old = mint_link(connection, *about, datetime.now(UTC))
        assert link_of(connection, old, datetime.now(UTC)) == opens
        api.accepted(end, ends[end])

        lives_on = gift and end == "CorrectContact"
        assert link_of(connection, old, datetime.now(UTC)) == (opens if lives_on else None)
        assert link_of(connection, mint_link(connection, *about, datetime.now(UTC)), datetime.now(UTC)) == opens
