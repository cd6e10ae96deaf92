"""Returns are found by what people ask for, page by page, and fast however many there are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from domain.rma.overdue import overdue_from
from infra.services import Addresses
from projections.refund_ledger.fold import RefundLedger
from projections.refund_ledger.orders import ORDER, SELLERS, UNITS, sellers_of
from projections.refund_ledger.tables import SCHEMA as SOLD
from projections.table import tables_sql
from projections.tracking.case_file import RETURNS_BY_PARCEL, AmbiguousNumberError, find_return
from projections.tracking.listing import CursorInvalidError, Place, Wanted, page_query, read_page
from projections.tracking.queues import (
    DIFFERENCES,
    FIRST,
    PARCELS,
    QUEUES,
    QueueName,
    queue_query,
    read_open_parcels,
    read_queue,
)
from projections.tracking.tables import SCHEMA, STANDING
from projections.tracking.told import TOLD
from projections.tracking.views import VIEWS
from projections.view import views_sql
from tests.integration.projections.test_projections import play
from tests.support.databases import own_database
from tests.support.recorded_facts import recorded
from tests.support.shop import RMA_ID, Shop
from tests.support.stories import day, inspect, on_return, open_shop, receive, request, six_steps

OTHER = UUID(int=2)
MANY = 40_000


@pytest.fixture
def connection(postgres_dsn: str) -> Iterator[Connection]:
    with closing(psycopg.connect(postgres_dsn, autocommit=True)) as opened:
        yield opened


def ids(connection: Connection, **wanted: Any) -> list[UUID]:
    return [row["rma_id"] for row in read_page(connection, Wanted(**wanted)).items]


def test_returns_are_found_by_what_is_asked_for(postgres_dsn: str, connection: Connection) -> None:
    """Order, customer, status, next step and age each leave out what does not fit; the newest comes first."""
    play(postgres_dsn, recorded(six_steps().history), batch=100)  # one resolved from day 3, one denied on day 60

    assert ids(connection) == [OTHER, RMA_ID]
    assert ids(connection, order_id="O-1") == [OTHER, RMA_ID]
    assert ids(connection, order_id="O-2") == []
    assert ids(connection, customer_id="C-1", status="denied") == [OTHER]
    assert ids(connection, next_step="close") == [RMA_ID]
    assert ids(connection, requested_before=day(60)) == [RMA_ID]
    assert ids(connection, open=True) == [OTHER, RMA_ID]
    assert ids(connection, status="closed") == []


def test_what_is_closed_is_no_longer_open(postgres_dsn: str, connection: Connection) -> None:
    """A closed return is listed by its status, and not among those that are open."""
    shop = six_steps()
    shop.send("CloseReturn", on_return(reason="done"), at=day(70))
    play(postgres_dsn, recorded(shop.history), batch=100)

    assert ids(connection, status="closed") == [RMA_ID]
    assert ids(connection, open=True) == [OTHER]


def late(shop: Shop, kind: str, *, passed: bool) -> None:
    """Let a return's deadline of a kind lie in the past, and be passed or not."""
    (deadline,) = [one for one in shop.rma().deadlines.values() if one.kind == kind]
    if passed:
        at = deadline.due_at + timedelta(hours=1)
        shop.send("PassDeadline", on_return(deadline_id=str(deadline.deadline_id)), actor="clock:c", at=at)


@pytest.mark.parametrize("passed", [False, True])
@pytest.mark.parametrize("kind", ["inspect", "refund"])
def test_what_was_not_done_in_time_is_overdue(
    postgres_dsn: str, connection: Connection, kind: str, *, passed: bool
) -> None:
    """Goods not inspected and money not paid in time are overdue, whether or not the clock has said so."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    if kind == "refund":
        inspect(shop, 1, 1)
    late(shop, kind, passed=passed)
    play(postgres_dsn, recorded(shop.history), batch=100)

    assert ids(connection, overdue=True) == [RMA_ID]
    assert read_page(connection, Wanted()).items[0]["overdue"] is True


def test_what_was_not_sent_is_late_until_it_expires(postgres_dsn: str, connection: Connection) -> None:
    """Goods that were not sent in time are late; once they have expired nobody waits for them."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    assert overdue_from(shop.rma()) == min(one.due_at for one in shop.rma().deadlines.values())
    late(shop, "ship_back", passed=True)
    play(postgres_dsn, recorded(shop.history), batch=100)

    assert ids(connection, overdue=True) == []


def test_what_was_done_late_is_no_longer_overdue(postgres_dsn: str, connection: Connection) -> None:
    """An inspection after its deadline ends the delay; what is then due counts from there."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    late(shop, "inspect", passed=True)
    found = on_return(line=1, quantity=1, inspection_id="I-1", grade="A", cause="none_found", liable_party="none")
    shop.send("RecordInspection", found, actor="warehouse:b", at=day(90))

    (refund,) = [one for one in shop.rma().deadlines.values() if one.kind == "refund"]
    assert overdue_from(shop.rma()) == refund.due_at


def test_pages_hold_every_return_once(postgres_dsn: str, connection: Connection) -> None:
    """Page by page, also among returns of the same instant, each is there once and in the order of the whole."""
    shop = open_shop(order={"lines": [{"line_id": "L1", "sku": "A", "quantity": 9, "amount_minor": 1500}]})
    for number in range(1, 8):
        request(shop, {"line_id": "L1", "quantity": 1}, rma_id=UUID(int=number), on=3 + number // 3)
    play(postgres_dsn, recorded(shop.history), batch=100)

    paged: list[UUID] = []
    cursor: str | None = None
    while True:
        page = read_page(connection, Wanted(), limit=2, cursor=cursor)
        paged += [row["rma_id"] for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert paged == ids(connection)
    assert len(set(paged)) == 7


@pytest.mark.parametrize("text", ["", "x", "AAAA", "é", "A" * 33, "f" + "_" * 31])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    """A text that no page ended with is said to be none."""
    with pytest.raises(CursorInvalidError):
        Place.from_cursor(text)


def test_a_parcels_number_finds_its_return(postgres_dsn: str, connection: Connection) -> None:
    """By the number of any of its labels, or of the last scan, as people type it; shared by two it names both."""
    shop = six_steps()
    label = on_return(label_id="LB-2", tracking_number="JJD-2", carrier="DHL", ship_to="WH-1")
    shop.send("IssueLabel", label, at=day(12))
    play(postgres_dsn, recorded(shop.history), batch=100)

    assert find_return(connection, "JJD-1") == RMA_ID
    assert find_return(connection, " jjd-2 ") == RMA_ID
    assert find_return(connection, "JJD-3") is None
    connection.execute(f"UPDATE {SCHEMA}.returns SET tracking_number = 'JJD-1' WHERE rma_id = %s", (OTHER,))
    with pytest.raises(AmbiguousNumberError) as ambiguous:
        find_return(connection, "JJD-1")
    assert len(ambiguous.value.numbers) == 2


@pytest.fixture(scope="module")
def many(addresses: Addresses) -> Iterator[Connection]:
    """So many returns that a plan that reads them all is worse than one that does not; one in twenty is open."""
    with (
        own_database(addresses.postgres_dsn.get_secret_value()) as dsn,
        closing(psycopg.connect(dsn, autocommit=True)) as opened,
    ):
        opened.execute(tables_sql(SCHEMA, (*STANDING, *TOLD)))
        opened.execute(RefundLedger.tables_sql.encode())
        opened.execute(views_sql((*VIEWS, *RefundLedger.views)).encode())
        opened.execute(
            f"""
            INSERT INTO {SOLD}.orders (order_id, currency, customer_id, country, channel, seller_id, ordered_at, lines,
                units, charged_minor)
            SELECT 'O-' || n, 'EUR', 'C-' || n % 1000, 'US', 'web',
                CASE WHEN n % 4 > 0 THEN 'S-1' WHEN n % 1000 = 0 THEN 'S-rare' END, '2026-01-01', 1, 1, 100
            FROM generate_series(0, {MANY} / 2) AS n
            """
        )
        opened.execute(
            f"""
            INSERT INTO {SCHEMA}.returns (rma_id, rma_number, order_id, customer_id, status, requested_at, closed_at,
                next_step, refund_minor, currency, gift, policy_id, policy_version, last_position, overdue_from,
                tracking_number, requester_id)
            SELECT md5(n::text)::uuid, 'RMA-' || n, 'O-' || n / 2, 'C-' || n % 2000,
                CASE WHEN n % 20 = 0 THEN 'needs_review' ELSE 'closed' END,
                '2026-01-01'::timestamptz + n * interval '1 s',
                CASE WHEN n % 20 > 0 THEN now() END, CASE WHEN n % 20 = 0 THEN 'decide' ELSE 'none' END,
                0, 'EUR', false, 'standard', 1, n, CASE WHEN n % 40 = 0 THEN now() - interval '1 day' END, 'T-' || n,
                'C-' || n % 2000
            FROM generate_series(1, {MANY}) AS n
            """
        )
        opened.execute(
            f"""
            INSERT INTO {SCHEMA}.labels (position, rma_id, order_id, occurred_at, label_id, carrier, tracking_number,
                ship_to)
            SELECT last_position, rma_id, order_id, requested_at, 'LB', 'DHL', tracking_number, 'WH-1'
            FROM {SCHEMA}.returns
            """
        )
        _fill_lines(opened)
        _fill_messages(opened)
        filled = ("returns", "labels", "return_lines", "decisions", "appeals", "payouts", "differences", "notices",
                  "unknown_parcels")  # fmt: skip
        schemas = {"payouts": SOLD, "differences": SOLD}
        opened.execute(f"ANALYZE {SOLD}.orders, {', '.join(f'{schemas.get(one, SCHEMA)}.{one}' for one in filled)}")
        yield opened


def _fill_lines(opened: Connection) -> None:
    """Give each return a line, a decision and a payout; many were appealed, of some the payout failed."""
    opened.execute(
        f"""
        INSERT INTO {SCHEMA}.appeals (position, rma_id, order_id, occurred_at, line, grounds, stage)
        SELECT last_position, rma_id, order_id, requested_at, 1, 'why', 'request'
        FROM {SCHEMA}.returns WHERE last_position % 25 = 0
        """
    )
    opened.execute(
        f"""
        INSERT INTO {SCHEMA}.return_lines (rma_id, line, first_unit, line_id, sku, quantity, authorization_state,
            logistics_state, inspection_state, resolution, settlement_state, reason, wish, paid_minor, refund_minor,
            currency, fees_waived)
        SELECT rma_id, 1, 1, 'L1', 'SKU', 1, CASE WHEN closed_at IS NULL THEN 'needs_review' ELSE 'authorized' END,
            'with_customer', 'awaiting', 'undecided', 'none', 'fit', 'refund', 100, 0, 'EUR', false
        FROM {SCHEMA}.returns
        """
    )
    opened.execute(
        f"""
        INSERT INTO {SCHEMA}.decisions (rma_id, line, position, stage, outcome, codes, policy_id, policy_version,
            policy_hash, trace, flips, quantity, currency, part, by)
        SELECT rma_id, 1, last_position, 'request', 'review', '{{}}', 'standard', 1, '', '[]', '[]', 1, 'EUR',
            1, 'policy'
        FROM {SCHEMA}.returns
        """
    )
    opened.execute(
        f"""
        INSERT INTO {SOLD}.differences (difference_id, kind, payout_id, status, found_at)
        SELECT rma_id, 'missing_there', rma_id, CASE WHEN closed_at IS NULL THEN 'open' ELSE 'resolved' END,
            requested_at
        FROM {SCHEMA}.returns
        """
    )
    opened.execute(
        f"""
        INSERT INTO {SOLD}.payouts (payout_id, refund_id, rma_id, order_id, tender_id, tender_kind, amount_minor,
            currency, status, idempotency_key, attempt, retried, requested_at, elsewhere, gave_way, covered_minor)
        SELECT rma_id, rma_id, rma_id, order_id, 'T1', 'card', 100, 'EUR',
            CASE WHEN last_position % 100 = 0 THEN 'failed' ELSE 'settled' END, rma_number, 1, false, requested_at,
            false, false, 0
        FROM {SCHEMA}.returns
        """
    )


def _fill_messages(opened: Connection) -> None:
    """Tell each return's customer of it, some in vain; and have a parcel come in beside each, few of which are open."""
    opened.execute(
        f"""
        INSERT INTO {SCHEMA}.notices (position, rma_id, order_id, occurred_at, notice_id, kind, channel, outcome,
            attempts, at)
        SELECT last_position, rma_id, order_id, requested_at, 'N', 'approved', 'email',
            CASE WHEN last_position % 100 = 0 THEN 'bounced' ELSE 'sent' END, 1, requested_at
        FROM {SCHEMA}.returns
        """
    )
    opened.execute(
        f"""
        INSERT INTO {SCHEMA}.unknown_parcels (parcel_id, site, items, status, received_at)
        SELECT rma_number, 'WH-1', '[]', CASE WHEN last_position % 500 = 0 THEN 'open' ELSE 'assigned' END,
            requested_at
        FROM {SCHEMA}.returns
        """
    )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def plan_of(connection: Connection, query: bytes, parameters: Any) -> list[dict[str, Any]]:
    [(explained,)] = connection.execute(b"EXPLAIN (FORMAT JSON) " + query, parameters).fetchall()
    return list(nodes(explained[0]["Plan"]))


FEW = {"customer_id", "overdue"}
CURSOR = Place(day(1), RMA_ID).as_cursor()
ASKED: list[tuple[dict[str, Any], str]] = [
    ({}, "returns_requested"),
    ({"requested_before": day(1)}, "returns_requested"),
    ({"order_id": "O-7"}, "returns_order"),
    ({"customer_id": "C-7"}, "returns_customer"),
    ({"open": True}, "returns_open"),
    ({"status": "needs_review"}, "returns_open"),
    ({"next_step": "decide"}, "returns_open"),
    ({"overdue": True}, "returns_open"),
]


@pytest.mark.parametrize("cursor", [None, CURSOR], ids=["first page", "later page"])
@pytest.mark.parametrize(("wanted", "index"), ASKED, ids=[" ".join(asked) or "all" for asked, _ in ASKED])
def test_a_page_is_read_by_an_index(many: Connection, wanted: dict[str, Any], index: str, cursor: str | None) -> None:
    """No page reads or sorts all returns, whatever is asked for and however far back it begins.

    The few of a customer, or that are late, may be sorted.
    """
    query, parameters = page_query(Wanted(**wanted), cursor)
    plan = plan_of(many, query, parameters | {"rows": 51})

    in_order = {"Limit", "Index Scan", "Result"}
    sorted_few = {"Sort", "Bitmap Heap Scan", "Bitmap Index Scan"} if FEW & wanted.keys() else set()
    assert {node["Node Type"] for node in plan} <= in_order | sorted_few, json.dumps(plan, indent=1)
    assert {node["Index Name"] for node in plan if "Index Name" in node} == {index}


@pytest.mark.parametrize("name", QUEUES)
def test_a_queues_page_is_read_by_indexes(many: Connection, name: QueueName) -> None:
    """What waits for a person is found among what is open, and nothing is read through."""
    plan = plan_of(many, queue_query(name).encode(), FIRST | {"rows": 26})

    assert "Seq Scan" not in {node["Node Type"] for node in plan}, json.dumps(plan, indent=1)
    assert "returns_open" in {node.get("Index Name") for node in plan}
    assert len(read_queue(many, name, limit=25).items) == 25


def test_open_differences_are_read_by_their_index(many: Connection) -> None:
    """However many were resolved."""
    plan = plan_of(many, DIFFERENCES.encode(), FIRST | {"rows": 26})

    assert "differences_open" in {node.get("Index Name") for node in plan}, json.dumps(plan, indent=1)


def test_open_parcels_are_read_by_their_index(many: Connection) -> None:
    """However many were placed; a page begins where the last one ended."""
    plan = plan_of(many, PARCELS.encode(), FIRST | {"rows": 26})
    first = read_open_parcels(many, limit=25)
    second = read_open_parcels(many, limit=25, cursor=first.next_cursor)

    assert "Seq Scan" not in {node["Node Type"] for node in plan}, json.dumps(plan, indent=1)
    assert len({row["parcel_id"] for page in (first, second) for row in page.items}) == 50


def test_a_parcel_is_found_by_an_index(many: Connection) -> None:
    """Neither the returns nor the labels are read through for a tracking number."""
    plan = plan_of(many, RETURNS_BY_PARCEL.encode(), {"typed": ["T-7", "t-7"], "rows": 10})

    assert not [node for node in plan if node["Node Type"] == "Seq Scan"], json.dumps(plan, indent=1)


@pytest.mark.parametrize("cursor", [None, CURSOR], ids=["first page", "later page"])
@pytest.mark.parametrize(
    ("seller", "index"),
    [("S-1", "returns_requested"), ("S-rare", "orders_seller"), ("S-none", "orders_seller")],
)
def test_a_sellers_page_costs_what_it_shows(many: Connection, seller: str, index: str, cursor: str | None) -> None:
    """Who sold much is found on the way back through all returns, who sold little by his orders; none reads all."""
    query, parameters = page_query(Wanted(sellers=[seller]), cursor)
    plan = plan_of(many, query, parameters | {"rows": 51})

    assert "Seq Scan" not in {node["Node Type"] for node in plan}
    assert index in {node.get("Index Name") for node in plan}
    [(run,)] = many.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + query, parameters | {"rows": 51}).fetchall()
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes(run[0]["Plan"])) < 1_000


@pytest.mark.parametrize("query", [ORDER, UNITS], ids=["order", "units"])
def test_an_order_is_read_by_its_id(many: Connection, query: str) -> None:
    """However many there are."""
    plan = plan_of(many, query.encode(), ("O-7", 10)[: query.count("%s")])

    assert "Seq Scan" not in {node["Node Type"] for node in plan}


def test_the_orders_of_returns_tell_their_sellers(many: Connection) -> None:
    """By ids alone; whose order is not known is left out."""
    known = [row["rma_id"] for row in read_page(many, Wanted(sellers=["S-rare"]), limit=2).items]

    assert sellers_of(many, [*known, RMA_ID]) == dict.fromkeys(known, "S-rare")
    assert "Seq Scan" not in {node["Node Type"] for node in plan_of(many, SELLERS.encode(), (known,))}
