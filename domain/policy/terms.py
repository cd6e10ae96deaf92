"""The terms of a return: what the merchant's document and rules say, bettered by the rights that hold."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeVar, cast

from domain.policy.decision import Decided, DecidedFees, Terms
from domain.policy.document import Fees
from domain.policy.facts import Facts
from domain.policy.rules import COMPILED_MAX, CompiledPolicy, Won
from domain.policy.ruling import Ruling
from domain.policy.statutes import Statute
from domain.policy.way_back import widen_way_back
from domain.vocabularies import Reason

Value = TypeVar("Value")

REFUND_DUE_ORDER: Final = ("approval", "first_scan", "receipt", "inspection")
"""When a refund may be due, the earliest first."""
_WAIT: Final = {due: place for place, due in enumerate(REFUND_DUE_ORDER)}


def terms_of(policy: CompiledPolicy, won: Won, ruling: Ruling, facts: Facts) -> tuple[Terms, Decided]:
    """Return the terms of the return, and per right the effects that it decided."""
    decided: Decided = {name: ["outcome"] for name in ruling.deciding_statutes}
    document, terms = policy.document, _own_terms(policy).copy()
    if won:
        terms.update(cast("Terms", {effect: value for effect, (value, _) in won.items() if effect in terms}))
    terms["fees"] = _fees(document.fees, won, ruling, decided)
    holding = [verdict.statute for verdict in ruling.holding]
    if holding:
        offered = frozenset(ruling.merchant_offers)
        for right in holding:
            told = decided.setdefault(right.id, [])
            if right.fee_free and document.grade_share_bps:
                told.append("grade_share_bps")  # see ``domain.case.shares``
            if not right.granted <= offered:
                told.append("offers")
            _widen(terms, right, told)
        widen_way_back(terms, holding, facts, decided)
    return terms, decided


@lru_cache(maxsize=COMPILED_MAX)
def _own_terms(policy: CompiledPolicy) -> Terms:
    """Return the terms that a document alone names, whatever the line."""
    document, fees = policy.document, policy.document.fees
    bps, minor, waived = fees.restocking_bps, fees.return_shipping_minor, fees.waived_for
    return {
        "method": document.method,
        "return_to": document.return_to,
        "fees": _decided_fees(bps, bps, minor, waived, fee_free=False, on_exchange=fees.on_exchange),
        "refund_due": document.refund_due,
        "refund_within_days": None,
        "refund_from": None,
        "refunds_outward_shipping": document.refunds_outward_shipping,
        "promotions": document.promotions,
        "accept_grades": document.accept_grades,
        "grade_share_bps": document.grade_share_bps,
        "dispositions": document.dispositions,
        "ship_back_days": document.ship_back_days,
        "inspect_within_days": document.inspect_within_days,
        "remedy": None,
    }


def _widen(terms: Terms, right: Statute, decided: list[str]) -> None:
    """Better the terms of the money by one right that holds, and write down each effect it decided."""
    if right.refund_due is not None and _WAIT[right.refund_due] < _WAIT[terms["refund_due"]]:
        terms["refund_due"] = right.refund_due
        decided.append("refund_due")
    if right.refund_within_days is not None:
        within = terms["refund_within_days"]
        if within is None or right.refund_within_days < within:
            terms["refund_within_days"] = right.refund_within_days
            terms["refund_from"] = right.refund_from
            decided.append("refund_within_days")
    if right.refunds_outward_shipping and not terms["refunds_outward_shipping"]:
        terms["refunds_outward_shipping"] = True
        decided.append("refunds_outward_shipping")


def _own(won: Won, effect: str, otherwise: Value) -> Value:
    """Return what a rule says of an effect, or else the document."""
    return won[effect][0] if effect in won else otherwise


def _fees(base: Fees, won: Won, ruling: Ruling, decided: Decided) -> DecidedFees:
    restocking = _own(won, "fees.restocking_bps", base.restocking_bps)
    shipping = _own(won, "fees.return_shipping_minor", base.return_shipping_minor)
    waived = _own(won, "fees.waived_for", base.waived_for)
    on_exchange = _own(won, "fees.on_exchange", base.on_exchange)
    limited, fee_free = restocking, False
    for verdict in ruling.holding:
        right = verdict.statute
        if right.restocking_bps_max is not None and right.restocking_bps_max < limited:
            limited = right.restocking_bps_max
            decided.setdefault(right.id, []).append("fees.restocking_bps")
        if right.fee_free:
            fee_free = True
            if restocking or shipping:
                decided.setdefault(right.id, []).append("fees")
    return _decided_fees(limited, restocking, shipping, waived, fee_free=fee_free, on_exchange=on_exchange)


@lru_cache(maxsize=1_024)
def _decided_fees(
    limited: int,
    restocking: int,
    shipping: int,
    waived: tuple[Reason, ...],
    *,
    fee_free: bool,
    on_exchange: bool,
) -> DecidedFees:
    return DecidedFees(
        restocking_bps=limited,
        return_shipping_minor=shipping,
        waived_for=waived,
        fee_free=fee_free,
        merchant_restocking_bps=restocking,
        merchant_return_shipping_minor=shipping,
        on_exchange=on_exchange,
    )
