"""What a refund costs the customer: the restocking fee of a line, and the return shipping of a return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.rma.state import RmaLine, RmaState
from domain.vocabularies import MERCHANT_SIDE

_NOTHING_FOUND: Final = frozenset({None, "none", "unknown"})


def are_waived(line: RmaLine, state: RunState) -> bool:
    """Tell whether units bear no fees: somebody else is liable, or nobody was found and the reason given is excused."""
    if state.liable_party in MERCHANT_SIDE:
        return True
    terms = line.terms
    if terms is None:
        return False
    if terms.fees.fee_free and state.liable_party != "customer" and state.cause != "none_found":
        return True  # a statute's right for faulty goods, until the inspection says otherwise
    return state.liable_party in _NOTHING_FOUND and line.asked.reason in terms.fees.waived_for


def restocking_bps(line: RmaLine, state: RunState) -> int:
    """Return the restocking rate that units bear, in basis points of their goods and tax cents."""
    if line.terms is None or are_waived(line, state):
        return 0
    return line.terms.fees.restocking_bps


def are_taken_on_exchange(line: RmaLine) -> bool:
    """Tell whether a line's terms take fees where its units are exchanged: off what they are worth."""
    return line.terms is not None and line.terms.fees.on_exchange


def return_shipping_minor(line: RmaLine) -> int:
    """Return what return shipping costs the customer by a line's terms, once for the whole return (minor units)."""
    terms = line.terms
    return terms.fees.return_shipping_minor if terms is not None and terms.method == "label" else 0


def return_shipping_is_waived(rma: RmaState, now: Sequence[RmaRun] = ()) -> bool:
    """Tell whether the fees of any line refunded, or refunded ``now``, are waived: then return shipping is, for all."""
    waived = any(
        state.is_refunded and are_waived(line, state) for line in rma.lines.values() for _, state in line.states
    )
    return waived or any(are_waived(rma.lines[run.line], state) for run, state in rma.states_of(now))
