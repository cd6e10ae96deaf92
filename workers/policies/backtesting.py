"""`rma policy backtest`: a draft run over every return ever requested, in several processes, each with its own streams.

A return's events are one stream, so that each process sees whole returns. The parts come back in the order of their
streams: the report is the same however many processes made it.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from io import StringIO
from itertools import pairwise
from multiprocessing import get_context
from typing import Final, TextIO

from domain.policy.document import PolicyDocument
from infra.envelope.codec import Codec
from infra.log.event_log import EventLog
from workers.policies.history import STREAM_PREFIX, STREAMS_END, DecidedReturn, decided_returns
from workers.policies.what_if import ChangedLine, Compared, Draft, compare, row_of
from workers.runtime.every_event import make_codec
from workers.runtime.garbage import collect_garbage_less_often

PROCESSES_MAX: Final = 64
PARTS: Final = 256
"""Into so many parts the streams are cut, by the first two digits of their ids."""


@dataclass(slots=True)
class Report:
    """What a draft would have changed; sums in minor units by currency."""

    returns: int = 0
    lines: int = 0
    changed_lines: int = 0
    outcomes: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """Lines whose outcome changes: by who decided before and after, and both outcomes."""
    differences_minor: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """What more, or less, goes back: by who decided before and after, and currency."""
    back_before_minor: Counter[str] = field(default_factory=Counter)
    back_after_minor: Counter[str] = field(default_factory=Counter)
    conflicts_before: Counter[str] = field(default_factory=Counter)
    conflicts_after: Counter[str] = field(default_factory=Counter)
    """Lines on which a statute gives more than the policy, by statute: as decided, and under the draft."""
    unanswered: Counter[str] = field(default_factory=Counter)
    """Lines whose request would be refused for a question of the draft, by question: they are decided all the same."""
    customers: set[str] = field(default_factory=set)
    """Whose lines change."""

    def count(self, one: DecidedReturn, line: Compared) -> None:
        """Count one line in."""
        currency = one.asked["currency"]
        self.lines += 1
        self.back_before_minor[currency] += line.back_before_minor
        self.back_after_minor[currency] += line.back_after_minor
        for name in line.before.statutes:  # often none, or one: `update` would take ten times as long
            self.conflicts_before[name] += 1
        for name in line.after.statutes:
            self.conflicts_after[name] += 1
        for name in line.unanswered:
            self.unanswered[name] += 1

    def count_changed(self, row: ChangedLine) -> None:
        """Count one changed line in, beside ``count``."""
        deciders = (row.decided_by_before, row.decided_by_after)
        self.changed_lines += 1
        self.customers.add(row.customer_id)
        self.differences_minor[*deciders, row.currency] += row.difference_minor
        if row.outcome_before != row.outcome_after:
            self.outcomes[*deciders, row.outcome_before, row.outcome_after] += 1

    def add(self, part: Report) -> None:
        """Count another part in."""
        self.returns += part.returns
        self.lines += part.lines
        self.changed_lines += part.changed_lines
        self.customers |= part.customers
        for name in (
            "outcomes", "differences_minor", "back_before_minor", "back_after_minor", "conflicts_before",
            "conflicts_after", "unanswered",
        ):  # fmt: skip
            getattr(self, name).update(getattr(part, name))

    def as_dict(self) -> dict[str, object]:
        """Return the report as JSON values, in a fixed order; ``customers`` is their number."""
        return {
            "returns": self.returns,
            "lines": self.lines,
            "changed_lines": self.changed_lines,
            "customers": len(self.customers),
            "outcomes": [
                {"before": before, "after": after, "decided_by_before": by, "decided_by_after": to, "lines": lines}
                for (by, to, before, after), lines in sorted(self.outcomes.items())
            ],
            "money": [
                {
                    "currency": currency,
                    "back_before_minor": before,
                    "back_after_minor": self.back_after_minor[currency],
                    "difference_minor": self.back_after_minor[currency] - before,
                }
                for currency, before in sorted(self.back_before_minor.items())
            ],
            "money_by_rule": [
                {"decided_by_before": by, "decided_by_after": to, "currency": currency, "difference_minor": minor}
                for (by, to, currency), minor in sorted(self.differences_minor.items())
                if minor
            ],
            "statutory_conflicts": [
                {
                    "statute": name,
                    "lines_before": self.conflicts_before[name],
                    "lines_after": self.conflicts_after[name],
                }
                for name in sorted({*self.conflicts_before, *self.conflicts_after})
            ],
            "unanswered": [{"question": name, "lines": lines} for name, lines in sorted(self.unanswered.items())],
        }


Part = tuple[Report, str]
"""What a draft would have changed on some returns, and the changed lines as rows of CSV."""


@dataclass(frozen=True, slots=True)
class Past:
    """The log, and how its events are read."""

    log: EventLog
    codec: Codec


def backtest_part(past: Past, draft: Draft, policy_id: str | None, bounds: tuple[str, str]) -> Part:
    """Return what a draft would have changed on the returns whose streams are within ``bounds``."""
    report, rows = Report(), StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for one in decided_returns(past.log, past.codec, *bounds):
        if policy_id is not None and one.asked["policy"]["policy_id"] != policy_id:
            continue
        report.returns += 1
        for line in compare(one, draft):
            report.count(one, line)
            if line.is_changed:
                row = row_of(one, line)
                report.count_changed(row)
                writer.writerow(row)
    return report, rows.getvalue()


def parts() -> list[tuple[str, str]]:
    """Return the bounds that cut all streams of returns into parts, in their order."""
    cuts = [STREAM_PREFIX, *(f"{STREAM_PREFIX}{number:02x}" for number in range(1, PARTS)), STREAMS_END]
    return list(pairwise(cuts))


class _Process:
    """What one process keeps between its parts: a connection, and the draft compiled."""

    past: Past
    draft: Draft
    policy_id: str | None

    @classmethod
    def begin(cls, conninfo: str, document: bytes, policy_id: str | None) -> None:
        collect_garbage_less_often()
        cls.past, cls.policy_id = Past(EventLog(conninfo), make_codec()), policy_id
        cls.draft = Draft(PolicyDocument.model_validate_json(document))

    @classmethod
    def work(cls, bounds: tuple[str, str]) -> Part:
        return backtest_part(cls.past, cls.draft, cls.policy_id, bounds)


def backtest(
    conninfo: str, document: PolicyDocument, *, policy_id: str | None = None, processes: int = 1
) -> Iterator[Part]:
    """Yield what a draft would have changed, part by part in the order of the streams, ``PARTS`` in all.

    Args:
        conninfo: Where the event log is.
        document: The draft.
        policy_id: Only returns held to this policy; None: all.
        processes: How many work at once; 1: this one alone.
    """
    if processes == 1:
        draft = Draft(document)
        with closing(EventLog(conninfo)) as log:
            past = Past(log, make_codec())
            yield from (backtest_part(past, draft, policy_id, bounds) for bounds in parts())
        return
    told = (conninfo, document.model_dump_json(by_alias=True, exclude_none=True).encode(), policy_id)
    # spawned, not forked: open connections and threads stay with this process
    with ProcessPoolExecutor(
        min(processes, PROCESSES_MAX), get_context("spawn"), initializer=_Process.begin, initargs=told
    ) as pool:
        yield from pool.map(_Process.work, parts())


def gather(found: Iterable[Part], table: TextIO, tell: Callable[[Report], None]) -> Report:
    """Return the sum of all parts; write the changed lines as CSV to ``table``, and ``tell`` after each part."""
    report = Report()
    csv.writer(table, lineterminator="\n").writerow(ChangedLine._fields)
    for part, rows in found:
        report.add(part)
        table.write(rows)
        tell(report)
    return report
