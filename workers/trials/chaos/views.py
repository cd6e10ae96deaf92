"""What the views show, beside what the log says they have to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
from psycopg import Connection, sql

from infra.addresses import postgres_address
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from workers.audit.replaying import ASIDE, Moment, replayed
from workers.trials.chaos.fold import KEY_COLUMNS, VIEWS, Books
from workers.trials.gateway_simulator.payouts import StoredPayout

DIFFERENT_ROWS: Final = """
    (SELECT 'shown' AS side, row_shown::text FROM {live} AS row_shown
     EXCEPT ALL SELECT 'shown', row_shown::text FROM {fresh} AS row_shown)
    UNION ALL
    (SELECT 'folded anew', row_shown::text FROM {fresh} AS row_shown
     EXCEPT ALL SELECT 'folded anew', row_shown::text FROM {live} AS row_shown)
    LIMIT 4
"""


def views_are_what_the_log_says(settings: Settings, books: Books) -> Iterator[str]:
    """The views of money, units and returns, row by row beside an independent fold of the stored JSON."""
    with psycopg.connect(postgres_address(settings)) as connection:
        for what, wanted in books.rows().items():
            columns = KEY_COLUMNS.get(what, 1)
            shown = {row[:columns]: row[columns:] for row in connection.execute(VIEWS[what].encode()).fetchall()}
            yield from _compared(what, wanted, shown)


def _compared(
    what: str, wanted: Mapping[tuple[str, ...], tuple[Any, ...]], shown: Mapping[tuple[Any, ...], tuple[Any, ...]]
) -> Iterator[str]:
    for key in sorted(wanted.keys() | shown.keys()):
        if wanted.get(key) != shown.get(key):
            yield f"{what} {' '.join(key)}: the log says {wanted.get(key)}, the view {shown.get(key)}"


def views_are_what_a_rebuild_shows(settings: Settings, events: int) -> Iterator[str]:
    """Every view shows what it shows when all of it is folded anew, in one go, from the log."""
    with replayed(settings, Moment(events), None) as connection:
        for projection in PROJECTIONS.values():
            for view in projection.views:
                for side, row in _different(connection, view.name):
                    yield f"{view.name}, {side} alone: {row}"


def _different(connection: Connection[Any], view: str) -> list[tuple[str, str]]:
    live, fresh = sql.Identifier(f"rma_read{ASIDE}", view), sql.Identifier("rma_read", view)
    return connection.execute(sql.SQL(DIFFERENT_ROWS).format(live=live, fresh=fresh)).fetchall()


def gateway_has_the_same_book(books: Books, book: list[StoredPayout]) -> Iterator[str]:
    """What the gateway paid and refused is what our books say, each payout once, to the cent."""
    theirs: dict[str, tuple[object, ...]] = {}
    for entry in book:
        if entry.payout_id in theirs:
            yield f"payout {entry.payout_id} is in the gateway's book twice"
        theirs[entry.payout_id] = (entry.outcome, entry.amount_minor, entry.reference)
    ours = {
        payout_id: (payout["status"], payout["amount_minor"], payout.get("reference"))
        for payout_id, payout in books.payouts.items()
        if _is_asked(payout)
    }
    for payout_id in sorted(ours.keys() | theirs.keys()):
        if ours.get(payout_id) != theirs.get(payout_id):
            yield f"payout {payout_id}: we say {ours.get(payout_id)}, the gateway {theirs.get(payout_id)}"


def _is_asked(payout: Mapping[str, Any]) -> bool:
    """Tell whether a gateway is asked for a payout: not store credit, nothing set off, nothing paid elsewhere."""
    ours = payout["tender_id"] is None or payout.get("set_off") or payout.get("elsewhere") or payout.get("gave_way")
    return not ours
