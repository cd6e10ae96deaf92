"""Benches of single decisions, in memory on one core: by units in a line, and by policy."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from commands.dispatch import handle, parse
from commands.metadata import Meta, parse_actor
from domain.fact import AggregateRoot
from domain.policy.decision import Decision
from domain.policy.document import PolicyDocument
from domain.policy.evaluate import decide, decide_without_reasons
from domain.policy.facts import Facts
from domain.policy.statutes import NEWEST, law_for
from workers.trials.bench import load

UNITS_MANY: Final = 100_000
UNITS_ROUNDS: Final = 300
UNITS_RATIO_MAX: Final = 1.2
"""A command on a line of 100,000 units may cost so many times one on a line of a few."""

POLICY_DECISIONS: Final = 20_000
POLICY_RULES: Final = 20
POLICY_RATIO_MIN: Final = 0.7
"""Approvals, with trace, by a document of 20 rules to each time that the same document is written and read as JSON."""


class _InMemory:
    """The streams of a bench: aggregates in a dictionary."""

    def __init__(self) -> None:
        self._aggregates: dict[str, AggregateRoot] = {}

    def get(self, stream: str) -> AggregateRoot | None:
        return self._aggregates.get(stream)

    def add(self, aggregate: AggregateRoot) -> None:
        self._aggregates[aggregate.id] = aggregate

    def keys_of(self, _person: str, /) -> tuple[str, ...]:
        return ()

    def holidays(self, _calendar: str, _year: int, /) -> frozenset[date]:
        return frozenset()


@dataclass(frozen=True, slots=True)
class UnitsReport:
    """Median microseconds of a whole return, six commands, by units in its line."""

    few_us: float
    many_us: float

    @property
    def ratio(self) -> float:
        """How many times a line of many units costs what one of few does."""
        return self.many_us / self.few_us

    @property
    def missed(self) -> list[str]:
        """Why the bound does not hold, in a sentence, or nothing."""
        what = f"a line of many units costs {self.ratio:.2f} times what one of few does, {UNITS_RATIO_MAX} is the most"
        return [what] if self.ratio > UNITS_RATIO_MAX else []


def run_units() -> UnitsReport:
    """Time whole returns of a line of three units and of one of 100,000, taking turns."""
    streams = _InMemory()
    _send(streams, load.publish_policy())
    taken: dict[int, list[float]] = {3: [], UNITS_MANY: []}
    for number in range(UNITS_ROUNDS):
        for quantity, times in taken.items():
            parsed = list(_commands(f"U-{quantity}-{number}", quantity))
            began = time.process_time()
            for command, meta in parsed:
                handle(command, meta, streams, meta.occurred_at)
            times.append((time.process_time() - began) * 1e6)
    return UnitsReport(statistics.median(taken[3]), statistics.median(taken[UNITS_MANY]))


def _commands(order_id: str, quantity: int) -> list[tuple[Any, Meta]]:
    return [
        _parsed(name, actor, load.ORDERED + timedelta(days=day), load.body(name, order_id, quantity=quantity))
        for name, actor, day in load.STEPS
    ]


def _send(streams: _InMemory, command: Any) -> None:
    handle(*_parsed(command.type, command.actor, command.time, command.data), streams, command.time)


def _parsed(name: str, actor: str, at: datetime, data: Any) -> tuple[Any, Meta]:
    kind, who = parse_actor(actor)
    type_name = f"rma.{name}.v1"
    return parse(type_name, json.dumps(data).encode()), Meta("bench", load.SOURCE, type_name, at, kind, who)


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """Decisions per second on one core: approvals with trace and without, denials (which look for flips)."""

    approvals_per_second: float
    approvals_without_trace_per_second: float
    denials_per_second: float
    json_per_second: float
    """How often the policy is written and read as JSON on the same core in the same minute."""
    rules: int
    decisions: int
    python: str

    @property
    def missed(self) -> list[str]:
        """Why the bound does not hold, in a sentence, or nothing."""
        what = (
            f"{self.ratio:.2f} approvals to each time the policy is written and read, {POLICY_RATIO_MIN} is the least"
        )
        return [what] if self.ratio < POLICY_RATIO_MIN else []

    @property
    def ratio(self) -> float:
        """Approvals to each time that their policy is written and read as JSON: whatever the machine."""
        return self.approvals_per_second / self.json_per_second

    def as_data(self) -> dict[str, object]:
        shares = {"trace_share": self.trace_share, "flips_share": self.flips_share}
        return asdict(self) | shares | {"ratio": self.ratio, "ratio_min": POLICY_RATIO_MIN}

    @property
    def trace_share(self) -> float:
        """The part of an approval's time that goes into writing down why."""
        return 1 - self.approvals_per_second / self.approvals_without_trace_per_second

    @property
    def flips_share(self) -> float:
        """The part of a denial's time that goes into finding what would have changed it."""
        return 1 - self.denials_per_second / self.approvals_per_second


def run_policy() -> PolicyReport:
    """Decide by a document of 20 rules, under the newest edition of the law in Germany."""
    return PolicyReport(
        approvals_per_second=_per_second(decide, days_after=3),
        approvals_without_trace_per_second=_per_second(decide_without_reasons, days_after=3),
        denials_per_second=_per_second(decide, days_after=90),
        json_per_second=_json_per_second(),
        rules=POLICY_RULES,
        decisions=POLICY_DECISIONS,
        python=platform.python_version(),
    )


def _per_second(deciding: Callable[..., Decision], *, days_after: int) -> float:
    document = PolicyDocument.model_validate_json(json.dumps(_document()))
    ordered = datetime(2026, 3, 1, 9, tzinfo=UTC)
    law = law_for("DE", ordered, NEWEST)
    lines = [_facts(ordered, number, days_after) for number in range(POLICY_DECISIONS)]
    began = time.process_time()
    for facts in lines:
        deciding(document, law, facts)
    return POLICY_DECISIONS / (time.process_time() - began)


def _json_per_second() -> float:
    document = _document()
    began = time.process_time()
    for _ in range(POLICY_DECISIONS):
        json.loads(json.dumps(document))
    return POLICY_DECISIONS / (time.process_time() - began)


def _document() -> dict[str, Any]:
    rules = [
        {
            "name": f"rule-{number}",
            "when": {
                "all": [
                    {"fact": "category", "is": f"category-{number}"},
                    {"fact": "line_paid_minor", "at_least": number},
                ]
            },
            "then": {"window": {"days": 30 + number}},
        }
        for number in range(POLICY_RULES)
    ]
    return {"window": {"days": 30}, "rules": rules}


def _facts(ordered: datetime, number: int, days_after: int) -> Facts:
    paid = 1_000 + number
    return Facts(
        channel="web",
        seller_id=None,
        country="DE",
        customer_tier="gold",
        tender_kinds=("card",),
        category=f"category-{number % 40}",
        sku="SHOE-42",
        final_sale=False,
        reason="too_small",
        wish="refund",
        quantity=1,
        line_paid_minor=paid,
        unit_paid_minor=paid,
        ordered_at=ordered,
        shipped_at=ordered,
        delivered_at=ordered + timedelta(days=1),
        order_delivered_at=ordered + timedelta(days=1),
        requested_at=ordered + timedelta(days=days_after),
        gift=False,
        answers={},
        withdrawal_exception=None,
        holidays=(),
    )
