"""What a right makes of the way back: the label, what it costs, the days to send the goods."""

from __future__ import annotations

from collections.abc import Sequence

from domain.policy.decision import Decided, Terms
from domain.policy.facts import Facts
from domain.policy.statutes import Statute


def widen_way_back(terms: Terms, holding: Sequence[Statute], facts: Facts, decided: Decided) -> None:
    """Better the terms of the way back by the rights that hold, and write down which right decided what."""
    for right in holding:
        if right.ship_back_days_min is not None and terms["ship_back_days"] < right.ship_back_days_min:
            terms["ship_back_days"] = right.ship_back_days_min
            _tell(decided, right, "ship_back_days")
    free = [right for right in holding if right.return_shipping == "free"]
    if free:
        _make_free(terms, free, facts, decided)
    else:
        _keep_to_cost(terms, holding, facts, decided)


def _make_free(terms: Terms, free: Sequence[Statute], facts: Facts, decided: Decided) -> None:
    """Take the cost of the way back off the customer; of ``fee_free`` rights the inspection has the last word."""
    if terms["method"] == "own_carrier":
        terms["method"] = "label"
        _tell(decided, free[0], "method")
    if facts.wish == "repair" and terms["method"] == "keep":
        repairing = next((right for right in free if "repair" in right.grants), None)
        if repairing is not None:
            terms["method"] = "label"  # what the customer keeps cannot be repaired
            _tell(decided, repairing, "method")
    for right in free:
        if not right.fee_free and terms["fees"].return_shipping_minor:
            terms["fees"] = terms["fees"].model_copy(update={"return_shipping_minor": 0})
            _tell(decided, right, "fees.return_shipping_minor")


def _keep_to_cost(terms: Terms, holding: Sequence[Statute], facts: Facts, decided: Decided) -> None:
    """Let the customer choose a carrier where the label would cost as much as the goods.

    The law allows the direct cost, which nobody knows here; a label as dear as the goods is taken to be more.
    """
    capped = next((right for right in holding if right.return_shipping == "direct_cost"), None)
    if capped is not None and terms["method"] == "label" and is_dearer(terms["fees"].return_shipping_minor, facts):
        terms["method"] = "own_carrier"
        _tell(decided, capped, "method")


def is_dearer(return_shipping_minor: int, facts: Facts) -> bool:
    """Tell whether return shipping costs as much as the goods, or more."""
    return bool(return_shipping_minor and facts.line_paid_minor and return_shipping_minor >= facts.line_paid_minor)


def _tell(decided: Decided, right: Statute, effect: str) -> None:
    effects = decided.setdefault(right.id, [])
    if effect not in effects:
        effects.append(effect)
