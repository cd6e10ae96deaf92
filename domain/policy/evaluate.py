"""The one function that decides: a document, the statutes and the facts in, a decision with its reasons out."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from domain.policy.conditions import instant_as_json
from domain.policy.decision import (
    Decided,
    Decision,
    Flip,
    OutcomeRecord,
    StatuteRecord,
    Terms,
    TraceRecord,
    WindowRecord,
)
from domain.policy.document import PolicyDocument
from domain.policy.facts import Facts
from domain.policy.flips import Flips, flips_of
from domain.policy.rights import HOLDS
from domain.policy.rules import Won, compiled
from domain.policy.ruling import Ruling, rule_on
from domain.policy.statutes import Law
from domain.policy.terms import terms_of
from domain.policy.windows import end_of_day_after

NO_FLIPS: Final = Flips((), None)
NO_LAW_ID: Final = "none"
"""What stands in the trace in place of a right where no law of the country is encoded."""


def decide(document: PolicyDocument, law: Law, facts: Facts) -> Decision:
    """Return the decision on one line; there is one for every document and all facts.

    Args:
        document: The version of the merchant's policy that holds for the order.
        law: The rights of the order's country at its time (``law_for``); they only ever widen.
        facts: The line's facts.
    """
    policy = compiled(document)
    won, rule_records = policy.explained(facts)
    ruling = rule_on(policy, won, law, facts)
    terms, decided = terms_of(policy, won, ruling, facts)
    flips = flips_of(policy, law, facts, ruling) if ruling.outcome == "deny" else NO_FLIPS
    trace: tuple[TraceRecord, ...] = (
        *rule_records,
        _window_record(won, ruling),
        *_statute_records(law, ruling, decided),
        _outcome_record(ruling, flips.bound),
    )
    return _decision(ruling, law, terms, decided, facts, trace=trace, flips=flips.found)


def decide_without_reasons(document: PolicyDocument, law: Law, facts: Facts) -> Decision:
    """Return the same decision with an empty trace and no flips, for comparing policies over much history."""
    policy = compiled(document)
    won = policy.won(facts)
    ruling = rule_on(policy, won, law, facts)
    terms, decided = terms_of(policy, won, ruling, facts)
    return _decision(ruling, law, terms, decided, facts)


class Gist(NamedTuple):
    """What a decision comes to for the customer: the ruling, the terms by name, the statutes that decided any of it."""

    ruling: Ruling
    terms: Terms
    statutes: tuple[str, ...]


def gist_of(document: PolicyDocument, law: Law, facts: Facts) -> Gist:
    """Return what ``decide`` comes to without making a decision of it, for millions of lines."""
    policy = compiled(document)
    won = policy.won(facts)
    ruling = rule_on(policy, won, law, facts)
    terms, decided = terms_of(policy, won, ruling, facts)
    return Gist(ruling, terms, _deciding(ruling, decided))


def _deciding(ruling: Ruling, decided: Decided) -> tuple[str, ...]:
    return tuple([right.id for right, _, _ in ruling.verdicts if decided.get(right.id)])


def _decision(
    ruling: Ruling,
    law: Law,
    terms: Terms,
    decided: Decided,
    facts: Facts,
    *,
    trace: tuple[TraceRecord, ...] = (),
    flips: tuple[Flip, ...] = (),
) -> Decision:
    zone, remedy = ruling.window.zone, terms.pop("remedy")  # it stands behind the other terms
    return Decision.of(
        {
            "outcome": ruling.outcome,
            "codes": ruling.codes,
            "offers": ruling.offers,
            **terms,
            "ship_back_due_at": end_of_day_after(facts.requested_at, terms["ship_back_days"], zone=zone),
            "window_ends_at": _latest_end(ruling),
            "zone": zone,
            "remedy": remedy,
            "statutes": _deciding(ruling, decided),
            "law": None if law.is_first else law.pin,
            "facts": facts,
            "trace": trace,
            "flips": flips,
        }
    )


def _latest_end(ruling: Ruling) -> datetime | None:
    """Return when the last of the windows that count ends: the merchant's and those of rights that hold."""
    latest = ruling.ends_at
    for verdict in ruling.holding:
        if latest is None or verdict.ends_at is None:
            return None
        latest = max(latest, verdict.ends_at)
    return latest


def _window_record(won: Won, ruling: Ruling) -> WindowRecord:
    window = ruling.window
    return {
        "kind": "window",
        "days": window.days,
        "anchor": window.anchor,
        "count": window.count,
        "roll": window.roll,
        "calendar": window.calendar,
        "zone": window.zone,
        "set_by": {effect: won[effect][1] for effect in won if effect.startswith("window.")},
        "anchor_at": None if ruling.anchor_at is None else instant_as_json(ruling.anchor_at),
        "ends_at": None if ruling.ends_at is None else _end_as_json(ruling.ends_at),
        "inside": ruling.inside,
    }


def _statute_records(law: Law, ruling: Ruling, decided: Decided) -> list[StatuteRecord]:
    if not ruling.verdicts and not law.is_first:
        return [{"kind": "statute", "id": NO_LAW_ID, "holds": False, "why": "no_law", "ends_at": None, "decided": []}]
    records = [blank.copy() for blank in _blank_records(law)]
    for record, (right, why, ends_at) in zip(records, ruling.verdicts, strict=True):
        record["holds"] = why == HOLDS
        record["why"] = why
        if ends_at is not None:
            record["ends_at"] = _end_as_json(ends_at)
        record["decided"] = decided.get(right.id) or []
    return records


@lru_cache(maxsize=1_024)
def _blank_records(law: Law) -> tuple[StatuteRecord, ...]:
    """Return the records of a law's rights, to be copied and filled in."""
    records: list[StatuteRecord] = [
        {"kind": "statute", "id": right.id, "holds": False, "why": "", "ends_at": None, "decided": []}
        for right in law.rights
    ]
    if not law.is_first:
        for record, right in zip(records, law.rights, strict=True):
            record["article"] = right.article
    return tuple(records)


@lru_cache(maxsize=8_192)
def _end_as_json(ends_at: datetime) -> str:
    """Return the end of a day as it is written in a trace; many lines share one."""
    return instant_as_json(ends_at)


def _outcome_record(ruling: Ruling, tried_max: int | None) -> OutcomeRecord:
    record: OutcomeRecord = {
        "kind": "outcome",
        "merchant_outcome": ruling.merchant_outcome,
        "merchant_codes": list(ruling.merchant_codes),
        "outcome": ruling.outcome,
        "decided_by": ruling.decided_by,
    }
    return record if tried_max is None else record | {"changes_tried_max": tried_max}
