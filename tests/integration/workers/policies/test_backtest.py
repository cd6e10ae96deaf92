"""A draft run over all of history says what would have changed: the same as looking at each return one by one."""

from __future__ import annotations

import copy
import csv
import io
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import duckdb
import orjson
import pytest

from domain.policy.document import PolicyDocument
from domain.policy.evaluate import decide
from domain.policy.statutes import law_for
from domain.rma import Rma
from tests.support.command_line import invoke
from tests.support.decided_log import DOCUMENT, decide_some
from tests.support.pipeline import Pipeline, environment
from workers.policies.backtesting import PARTS, Report, backtest, gather, parts
from workers.policies.what_if import ChangedLine, Draft

ORDERS = 60


def a_draft() -> dict[str, Any]:
    """Return a stricter, dearer draft that also lets some through whom a person had to look at."""
    draft = copy.deepcopy(DOCUMENT)
    draft["window"] = {"days": 60, "count": "business", "calendar": "GB"}
    draft["fees"] = {"restocking_bps": 2000, "return_shipping_minor": 50, "on_exchange": True}
    draft["refunds_outward_shipping"] = True
    draft["rules"] = [
        {
            "name": "no-exchange",
            "when": {"fact": "wish", "is": "exchange"},
            "then": {"decide": "deny", "code": "no_exchange"},
        }
    ]
    return draft


@pytest.fixture
def shop(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Sixty orders with decisions of every kind."""
    decide_some(pipeline, ORDERS)
    for name, value in environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    return pipeline


def run(shop: Pipeline, draft: dict[str, Any], *, processes: int = 1) -> tuple[Report, str]:
    sheet = io.StringIO()
    found = backtest(shop.dsn, PolicyDocument.model_validate(draft), processes=processes)
    return gather(found, sheet, lambda _: None), sheet.getvalue()


def returns(shop: Pipeline) -> list[Rma]:
    """Return every return of the log, rebuilt by its own aggregate."""
    rmas: dict[str, Rma | None] = {}
    for event in shop.log.read(0, 20_000):
        if event.stream.startswith("rma/"):
            fact = shop.codec.decode(event.type, event.stream, event.version, event.occurred_at, event.body)
            rmas[event.stream] = cast("Rma", fact.mutate(rmas.get(event.stream)))
    return [rma for _, rma in sorted(rmas.items()) if rma is not None]


def slow_fees(decision: Any, paid: int) -> tuple[int, int, bool]:
    """Return restocking fee, return shipping and whether both are waived, by the terms of a decision."""
    fees = decision.fees
    waived = fees.fee_free or decision.facts.reason in fees.waived_for
    exact = paid * fees.restocking_bps / 10_000
    restocking = 0 if waived else round(exact)
    return restocking, fees.return_shipping_minor if decision.method == "label" else 0, waived


def slow_back(decisions: dict[int, Any], outward: dict[int, int]) -> dict[int, int]:
    """Return what goes back for each line, one refund after the other, as an accountant would write it down."""
    approved = {
        number: decision
        for number, decision in decisions.items()
        if decision.outcome == "approve" and decision.facts.wish in {"refund", "store_credit", "exchange"}
    }
    all_waived = any(slow_fees(decision, 0)[2] for decision in approved.values())
    backs, charged = dict.fromkeys(decisions, 0), 0
    for number, decision in approved.items():
        paid = decision.facts.line_paid_minor
        restocking, shipping, _ = slow_fees(decision, paid)
        pays_fees = decision.facts.wish != "exchange" or decision.fees.on_exchange
        restocking = restocking if pays_fees else 0
        back = paid - restocking + (outward[number] if decision.refunds_outward_shipping else 0)
        if pays_fees and not all_waived:
            now = min(max(shipping - charged, 0), back)
            charged, back = charged + now, back - now
        backs[number] = back
    return backs


def oracle(shop: Pipeline, content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the changed lines by deciding each line of each aggregate with all its reasons, one after the other."""
    draft = PolicyDocument.model_validate(content)
    changed = []
    for rma in returns(shop):
        before = {number: line.terms for number, line in rma.lines.items() if line.terms is not None}
        after = {}
        for number, terms in before.items():
            facts = Draft(draft).facts_for(terms.facts)
            after[number] = decide(draft, law_for(facts.country or "", facts.ordered_at), facts)
        outward = dict.fromkeys(before, 0)  # these orders were shipped free of charge
        back_before, back_after = slow_back(before, outward), slow_back(after, outward)
        for number, old in before.items():
            new = after[number]
            if (old.outcome, old.codes, old.method, old.refund_due, back_before[number]) != (
                new.outcome, new.codes, new.method, new.refund_due, back_after[number],
            ):  # fmt: skip
                changed.append(
                    {
                        "rma_id": str(rma.rma_id),
                        "line": str(number),
                        "customer_id": rma.customer_id,
                        "outcome_before": old.outcome,
                        "outcome_after": new.outcome,
                        "decided_by_before": old.trace[-1]["decided_by"],  # type: ignore[typeddict-item]
                        "decided_by_after": new.trace[-1]["decided_by"],  # type: ignore[typeddict-item]
                        "back_before_minor": str(back_before[number]),
                        "back_after_minor": str(back_after[number]),
                        "statutes_after": " ".join(new.statutes),
                    }
                )
    return changed


def test_the_report_is_that_of_a_slow_oracle(shop: Pipeline) -> None:
    """Lines, outcomes, rules, money, customers and statutes are what deciding one by one comes to."""
    expected = oracle(shop, a_draft())

    report, sheet = run(shop, a_draft())
    rows = list(csv.DictReader(io.StringIO(sheet)))

    assert [{name: row[name] for name in expected[0]} for row in rows] == expected
    assert (report.returns, report.changed_lines) == (ORDERS, len(expected))
    assert report.customers == {row["customer_id"] for row in expected}
    assert report.outcomes == Counter(
        (row["decided_by_before"], row["decided_by_after"], row["outcome_before"], row["outcome_after"])
        for row in expected
        if row["outcome_before"] != row["outcome_after"]
    )
    difference = sum(int(row["back_after_minor"]) - int(row["back_before_minor"]) for row in expected)
    assert report.back_after_minor["EUR"] - report.back_before_minor["EUR"] == difference != 0
    assert {(row["outcome_before"], row["outcome_after"]) for row in expected} >= {
        ("approve", "deny"),
        ("review", "approve"),
        ("deny", "approve"),
    }
    assert report.conflicts_after["eu.withdrawal"] > 0


def test_processes_do_not_matter(shop: Pipeline) -> None:
    """Two processes come to the same report and the same rows, in the same order, as one."""
    alone, sheet_alone = run(shop, a_draft())
    together, sheet_together = run(shop, a_draft(), processes=2)

    assert together == alone
    assert sheet_together == sheet_alone


def test_the_policy_itself_changes_nothing(shop: Pipeline) -> None:
    """The document that decided, run again, changes no line and no cent."""
    report, sheet = run(shop, DOCUMENT)

    assert (report.changed_lines, report.customers, report.outcomes) == (0, set(), Counter())
    assert report.back_before_minor == report.back_after_minor
    assert sheet == ",".join(ChangedLine._fields) + "\n"


def test_parts_hold_every_stream_once() -> None:
    """The parts follow one another without a gap, from the first stream of a return to the last."""
    bounds = parts()

    assert len(bounds) == PARTS
    assert (bounds[0][0], bounds[-1][1]) == ("rma/", "rma0")
    assert all(one[1] == following[0] for one, following in pairwise(bounds))
    assert all(low < high for low, high in bounds)


def test_the_command_writes_table_csv_and_parquet(shop: Pipeline, tmp_path: Path) -> None:
    """`rma policy backtest` prints tables or JSON, and both files hold the same changed lines."""
    draft, sheet, columns = tmp_path / "draft.json", tmp_path / "changed.csv", tmp_path / "changed.parquet"
    draft.write_bytes(orjson.dumps(a_draft()))
    one = ("policy", "backtest", str(draft), "--processes", "1")

    drawn = invoke(*one)
    said = invoke(*one, "--csv", str(sheet), "--parquet", str(columns), "--json")
    of_another = invoke(*one, "--policy", "another", "--json")
    expected, text = run(shop, a_draft())
    with closing(duckdb.connect()) as reader:
        query = "SELECT rma_id, line, difference_minor FROM read_parquet(?)"
        stored = reader.execute(query, [str(columns)]).fetchall()

    assert (drawn.exit_code, said.exit_code) == (0, 0)
    assert "Changed outcomes" in drawn.output
    assert {**orjson.loads(said.stdout), "seconds": 0} == {
        **orjson.loads(orjson.dumps(expected.as_dict())),
        "seconds": 0,
    }
    assert orjson.loads(of_another.stdout)["lines"] == 0
    assert sheet.read_text() == text
    assert stored == [
        (row["rma_id"], int(row["line"]), int(row["difference_minor"])) for row in csv.DictReader(io.StringIO(text))
    ]


def test_requests_that_lack_an_answer_are_counted(shop: Pipeline) -> None:
    """A question that a draft requires of some lines was answered by none of them: the draft would refuse those."""
    draft = a_draft()
    why = {"name": "why", "text": "Why?", "kind": "truth", "required": True}
    odd = {**why, "name": "odd", "when": {"fact": "reason", "is": "changed_mind"}}
    draft["questions"] = [why, odd, {**why, "name": "free", "required": False}]

    report, _ = run(shop, draft)

    asked = Counter(line.terms.facts.reason for rma in returns(shop) for line in rma.lines.values() if line.terms)
    assert report.unanswered == {"why": asked.total(), "odd": asked["changed_mind"]}
    assert asked["changed_mind"] > 0
