"""What remedies avoided: each line on which something was offered instead of its return, and what came of it.

``kept_minor`` is what would have gone back for the units that stay with the customer because an offer was accepted: by
the stored decision, on the reason claimed, as if the bench found nothing. Return shipping is borne once a return, so it
comes off only where the whole return is avoided. An exchange bonus avoids no return: the goods come back, and the bonus
is what it costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.money import basis_points_minor, run_minor
from domain.policy.decision import Decision
from domain.policy.document import Remedy
from domain.rma.parts import LineDecision
from domain.units import total
from domain.vocabularies import PAID_OUT, SET_OFF

COLUMNS: Final = (
    "policy_id policy_version rule kind currency units worth_minor return_shipping_minor is_waived gives_minor answer"
)


@dataclass(slots=True)
class Offer:
    """What was offered on a line, what it was worth to each side (minor units), and the answer so far."""

    policy_id: str
    policy_version: int
    rule: str
    kind: str
    currency: str
    units: int
    worth_minor: int
    """What would have gone back for the units, before return shipping."""
    return_shipping_minor: int
    is_waived: bool
    """No fees would have been taken, for the whole return no return shipping."""
    gives_minor: int
    """What the customer gets if the offer is accepted."""
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class OfferedLine:
    """A line of a return as far as offers go: its row, what was offered, how many of its units came in after all."""

    row: dict[str, Any]
    offer: Offer | None
    units_received: int

    @property
    def units_saved(self) -> int:
        """Return how many units stay with the customer because an offer was accepted."""
        offer = self.offer
        if offer is None or offer.answer != "accepted" or offer.kind == "exchange_bonus":
            return 0
        return max(offer.units - self.units_received, 0)


def offer_of(row: dict[str, Any], offered: LineDecision) -> Offer | None:
    """Return what a decision offers on a line."""
    decision = offered.decision
    remedy, facts, fees = decision.remedy, decision.facts, decision.fees
    if remedy is None:
        return None
    paid = facts.line_paid_minor or 0
    is_waived = fees.fee_free or facts.reason in fees.waived_for
    shipping = sum(run_minor(row["shipping_minor"], row["sold"], run.first, run.count) for run in offered.runs)
    pays_fees = facts.wish in PAID_OUT or fees.on_exchange
    worth = paid - (basis_points_minor(paid, fees.restocking_bps) if pays_fees and not is_waived else 0)
    if decision.refunds_outward_shipping:
        worth += shipping
    bears = decision.method == "label" and pays_fees
    return Offer(
        policy_id=row["policy_id"],
        policy_version=row["policy_version"],
        rule=_rule_of(decision),
        kind=remedy.kind,
        currency=row["currency"],
        units=total(offered.runs),
        worth_minor=worth if facts.wish in SET_OFF else 0,
        return_shipping_minor=fees.return_shipping_minor if bears else 0,
        is_waived=is_waived,
        gives_minor=_given_minor(remedy, paid),
    )


def _rule_of(decision: Decision) -> str:
    """Return the rule that the offer is by: the one that won it in the decision's trace."""
    return next((r["name"] for r in decision.trace if r["kind"] == "rule" and "remedy" in r["won"]), "")


def _given_minor(remedy: Remedy, paid_minor: int) -> int:
    if remedy.kind == "partial_refund":
        return basis_points_minor(paid_minor, remedy.share_bps or 0)
    return remedy.bonus_minor or 0


def offer_rows(lines: Sequence[OfferedLine]) -> Iterable[dict[str, object]]:
    """Yield the rows of one return's offers, all its lines given in their order."""
    is_avoided = all(line.offer is not None and line.units_saved == line.offer.units for line in lines)
    offers = [line.offer for line in lines if line.offer is not None]
    bears = is_avoided and not any(offer.is_waived for offer in offers)
    taken = 0
    for line in lines:
        if line.offer is None:
            continue
        offer = line.offer
        kept = offer.worth_minor * line.units_saved // offer.units
        shipping = min(max(offer.return_shipping_minor - taken, 0), kept) if bears else 0
        taken += shipping
        yield {
            "rma_id": line.row["rma_id"],
            "line": line.row["line"],
            **{name: getattr(offer, name) for name in COLUMNS.split()},
            "units_saved": line.units_saved,
            "kept_minor": kept - shipping,
            "return_avoided": is_avoided,
        }
