"""What follows every command about a return, in the same append: deadlines are kept, store credit is issued."""

from __future__ import annotations

from typing import cast

from commands.streams import Streams
from domain import deadlines
from domain.case import Case
from domain.identity import store_credit_stream
from domain.store_credit import StoreCredit, holder_of, movements


def follow_up(case: Case, streams: Streams) -> None:
    """Let follow what follows from the facts that a command has just brought about."""
    deadlines.keep(case)
    for movement in movements(case.order.pending_events):
        _account_of(case, streams).follow(movement, case.rma, case.at)


def _account_of(case: Case, streams: Streams) -> StoreCredit:
    holder_id, currency = holder_of(case.rma), case.order.currency
    account = find_store_credit(streams, holder_id, currency)
    if account is None:
        account = StoreCredit.open(holder_id, currency, case.at)
        streams.add(account)
    return account


def find_store_credit(streams: Streams, holder_id: str, currency: str) -> StoreCredit | None:
    return cast("StoreCredit | None", streams.get(store_credit_stream(holder_id, currency)))
