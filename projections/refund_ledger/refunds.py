"""Refunds and payouts in the read model ``refund_ledger``: the rows that a batch of events adds or changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Final
from uuid import UUID

from psycopg import Connection

from domain.fact import Fact
from domain.order import Order
from domain.order.external_facts import ExternalRefundRecorded
from domain.order.money_facts import PayoutHeard, RefundRequested
from domain.order.owed_facts import PaymentReturned
from domain.order.payout import Payout, PayoutCover
from domain.recorded import RecordedEvent
from domain.settlement.payouts import WORST_FIRST, refund_status
from domain.vocabularies import RefundGround
from projections.refund_ledger.tables import PAYOUTS, REFUNDS, SCHEMA

_COUNTS: Final = "NOT retried AND (elsewhere OR status <> 'failed' OR NOT gave_way AND covered_minor < amount_minor)"
"""Which payouts say where their refund stands, as ``Payout.counts`` has it."""
_COVERED: Final = f"""
UPDATE {SCHEMA}.payouts AS payout SET covered_minor = payout.covered_minor + told.amount_minor
FROM unnest(%s::uuid[], %s::bigint[]) AS told (payout_id, amount_minor) WHERE told.payout_id = payout.payout_id
"""
_REFUND_STATUS: Final = f"""
UPDATE {SCHEMA}.refunds AS refund SET
    status = told.status, settled_at = CASE WHEN told.status = 'settled' THEN told.outcome_at END
FROM (
    SELECT refund_id, max(outcome_at) FILTER (WHERE NOT retried) AS outcome_at, coalesce(
        (array_agg(status ORDER BY array_position(%s::text[], status)) FILTER (WHERE {_COUNTS}))[1], 'settled'
    ) AS status
    FROM {SCHEMA}.payouts WHERE refund_id = ANY(%s) GROUP BY refund_id
) AS told
WHERE told.refund_id = refund.refund_id
"""
CHARGEBACK_WON: Final = "chargeback_won"
"""Why the payout of a chargeback that was won has failed."""


PAYMENT_RETURNED: Final[RefundGround] = "payment_returned"
NewRefund = RefundRequested | ExternalRefundRecorded | PaymentReturned


class Refunds:
    """The rows of a batch."""

    def __init__(self) -> None:
        self.payouts: dict[UUID, dict[str, object]] = {}
        self._refunds: list[dict[str, object]] = []
        self._outcomes: dict[UUID, dict[str, object]] = {}
        self._won: list[dict[str, object]] = []
        self._replaced: set[UUID] = set()
        self._gave_way: set[UUID] = set()
        self._covered: Counter[UUID] = Counter()
        self._moved: set[UUID] = set()

    def note(self, event: RecordedEvent, fact: Fact) -> None:
        """Count in what a fact says of refunds and payouts."""
        match fact:
            case Order.RefundRequested():
                self._requested(event, fact)
            case Order.PaymentReturned():
                self._refund(event, fact, status=refund_status(fact.payouts), settled_at=None, because=PAYMENT_RETURNED)
                for payout in fact.payouts:
                    self._payout(event, payout, fact.currency)
            case Order.ExternalRefundRecorded():
                self._went_back_elsewhere(event, fact)
            case Order.ChargebackDecided(outcome="won"):
                won = {"payout_id": fact.payout_id, "status": "failed", "reason": CHARGEBACK_WON}
                self._won.append(won | {"outcome_at": event.occurred_at})
                self._moved.add(fact.refund_id)
                self._cover(fact.covers, -1)
            case PayoutHeard(superseded=False):
                self._outcome(event, fact)
            case Order.PayoutRetried():
                self._replaced.add(fact.payout_id)
                for payout in fact.payouts:
                    self._payout(event, payout, fact.currency)
                self._moved.add(fact.payout.refund_id)

    def _requested(self, event: RecordedEvent, fact: RefundRequested) -> None:
        if fact.amount_minor or fact.promotions:
            self._refund(
                event,
                fact,
                status=refund_status(fact.payouts),
                settled_at=None if fact.payouts else event.occurred_at,
                because=fact.because,
                restocking_minor=fact.restocking_minor,
                return_shipping_minor=fact.return_shipping_minor,
                rounding_minor=fact.rounding_minor,
                promotion_minor=fact.promotion_minor,
                promotions=[asdict(change) for change in fact.promotions],
            )
        for payout in fact.payouts:
            self._payout(event, payout, fact.currency)

    def _went_back_elsewhere(self, event: RecordedEvent, fact: ExternalRefundRecorded) -> None:
        self._refund(event, fact, status="settled", settled_at=event.occurred_at, because=fact.kind)
        self._payout(event, fact.payout, fact.currency)
        self.payouts[fact.payout.payout_id] |= {"reference": fact.reference, "outcome_at": event.occurred_at}
        self._cover(fact.covers, 1)

    def _refund(self, event: RecordedEvent, fact: NewRefund, **told: object) -> None:
        self._refunds.append(
            {
                "refund_id": fact.refund_id,
                "rma_id": getattr(fact, "rma_id", None),
                "order_id": event.partition_key,
                "amount_minor": fact.amount_minor,
                "currency": fact.currency,
                "requested_at": event.occurred_at,
                "restocking_minor": 0,
                "return_shipping_minor": 0,
                "rounding_minor": 0,
                "promotion_minor": 0,
                "promotions": [],
                **told,
            }
        )

    def _cover(self, covers: Iterable[PayoutCover], sign: int) -> None:
        for cover in covers:
            self._covered[cover.payout_id] += sign * cover.amount_minor
            self._moved.add(cover.refund_id)

    def _payout(self, event: RecordedEvent, payout: Payout, currency: str | None = None) -> None:
        self.payouts[payout.payout_id] = {
            "payout_id": payout.payout_id,
            "refund_id": payout.refund_id,
            "rma_id": payout.rma_id,
            "order_id": event.partition_key,
            "tender_id": payout.tender_id,
            "tender_kind": payout.tender_kind,
            "amount_minor": payout.amount_minor,
            "currency": currency,
            "status": payout.status,
            "idempotency_key": payout.idempotency_key,
            "reference": payout.tender_reference if payout.names_its_payment else None,
            "reason": None,
            "attempt": payout.attempt,
            "retried": False,
            "requested_at": event.occurred_at,
            "outcome_at": None,
            "elsewhere": payout.elsewhere,
            "gave_way": False,
            "covered_minor": 0,
        }

    def _outcome(self, event: RecordedEvent, fact: PayoutHeard) -> None:
        self._outcomes[fact.payout_id] = {
            "payout_id": fact.payout_id,
            "status": fact.status,
            "reference": fact.reference,
            "reason": getattr(fact, "reason", None),
            "outcome_at": event.occurred_at,
        }
        if isinstance(fact, Order.PayoutFailed) and fact.gave_way:
            self._gave_way.add(fact.payout_id)
        self._moved.add(fact.refund_id)

    def write(self, connection: Connection) -> None:
        """Write the rows, and where their refunds stand by them."""
        REFUNDS.insert(connection, self._refunds)
        PAYOUTS.insert(connection, list(self.payouts.values()))
        replaced = [{"payout_id": payout_id, "retried": True} for payout_id in self._replaced]
        PAYOUTS.update(connection, replaced, columns=["retried"])
        gave_way = [{"payout_id": payout_id, "gave_way": True} for payout_id in self._gave_way]
        PAYOUTS.update(connection, gave_way, columns=["gave_way"])
        outcomes = list(self._outcomes.values())
        PAYOUTS.update(connection, outcomes, columns=["status", "reference", "reason", "outcome_at"])
        PAYOUTS.update(connection, self._won, columns=["status", "reason", "outcome_at"])
        if self._covered:
            connection.execute(_COVERED, [list(self._covered), list(self._covered.values())])
        if self._moved:
            connection.execute(_REFUND_STATUS, [list(WORST_FIRST), list(self._moved)])
