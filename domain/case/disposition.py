"""What becomes of goods: it follows a decision, the bench's grade says which way, and the merchant's stock is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.case import Case
from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.rma.state import RmaLine
from domain.units import UnitRun
from domain.vocabularies import MADE_GOOD, Disposition


def follow(case: Case, number: int) -> None:
    """Dispose of a line's inspected goods as their grade and what was decided on them say; a person's word stands.

    Goods that are not accepted wait at ``hold`` until a person decides what the customer gets.
    """
    line = case.rma.lines[number]
    changed: dict[tuple[Disposition, str | None], list[RmaRun]] = {}
    for run, state in line.states:
        wanted = _follows(line, state)
        if wanted is not None and state.disposed_by != "person" and (wanted, "policy") != _stands(state):
            changed.setdefault((wanted, state.inspection_id), []).append(RmaRun(number, run.first, run.count))
    for (disposition, inspection_id), runs in changed.items():
        decide(case, runs, disposition, inspection_id=inspection_id, by_person=False)


def _stands(state: RunState) -> tuple[Disposition | None, str | None]:
    return state.disposition, state.disposed_by


def _follows(line: RmaLine, state: RunState) -> Disposition | None:
    """Return what follows for goods that are here and inspected; None for others."""
    if line.terms is None or state.grade is None or not (state.is_at_dock and state.is_inspected) or state.goods_sent:
        return None
    if state.is_undecided:
        is_decided = state.accepted and state.is_authorized and line.asked.wish != "repair"
    else:
        is_decided = state.resolution in MADE_GOOD or state.resolution == "none"
    return line.terms.dispositions[state.grade] if is_decided else "hold"


def decide(
    case: Case, runs: Sequence[RmaRun], disposition: Disposition, *, inspection_id: str | None, by_person: bool
) -> None:
    """Record what becomes of goods of one line, and tell the merchant's stock, unless they are only held."""
    case.rma.trigger_event(
        case.rma.DispositionDecided,
        runs=tuple(runs),
        disposition=disposition,
        inspection_id=inspection_id,
        by="person" if by_person else "policy",
        timestamp=case.at,
    )
    if disposition != "hold":
        _instruct(case, runs, disposition)


def _instruct(case: Case, runs: Sequence[RmaRun], disposition: Disposition) -> None:
    """Tell the merchant's stock, article by article and site by site, what it has not been told yet."""
    told: dict[tuple[int, str, str | None], list[RmaRun]] = {}
    for run, state in case.rma.states_of(runs):
        if state.instructed != disposition:
            sku = state.found_sku or case.rma.lines[run.line].asked.sku
            told.setdefault((run.line, sku, state.site), []).append(run)
    for (number, sku, site), goods in told.items():
        case.rma.trigger_event(
            case.rma.StockInstructed,
            line=number,
            runs=tuple(goods),
            sku=sku,
            quantity=sum(run.count for run in goods),
            site=site,
            disposition=disposition,
            serials=_serials_of(case.rma.lines[number], [run.run for run in goods]),
            timestamp=case.at,
        )


def _serials_of(line: RmaLine, runs: Iterable[UnitRun]) -> tuple[str, ...]:
    within = [range(run.first, run.end) for run in runs]
    return tuple(serial for unit, serial in sorted(line.serials.items()) if any(unit in units for units in within))
