"""Every command that prints, over texts that were written to be obeyed: all are shown, none acts.

A stranger chooses SKUs, comments, places, ids and whole records. Whoever looks at them sees what was written.
"""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import duckdb
import pytest
import structlog
import typer
from typer.core import TyperGroup
from typer.testing import Result

from infra.escaping import ACTIVE_CHARACTER, escaped
from infra.settings import Settings
from tests.support.command_line import invoke
from tests.support.pipeline import environment, wait_for
from tests.support.worker_threads import Counter, running, system
from workers.cli.app import app
from workers.registry import worker_named

TEXT: Final = "[/x][bold]\x1b[2J\x9b1m\u202egnp\u2028:boom:\r\n✓ EUR sums to zero"
"""A free text: markup, escape sequences, letters turned round, a line of its own."""

TYPED: Final = TEXT.replace("\r\n", "")
"""What may be typed as an argument: whoever breaks the line there breaks it for himself."""

PRINTED: Final = "[/x][bold]:boom: ✓ EUR sums to zero"
"""What a name or a reference may be, which take printed characters alone: markup, and a line this project prints."""

FORMULA: Final = '=HYPERLINK("[/x]")'
POLICY_ID: Final = "[/x]"
SKU: Final = "@[/sku]"
CODE: Final = "=[/code]"
ORDER_ID: Final = "+[/order]"
CUSTOMER_ID: Final = "-[/customer]"

DOCUMENT: Final[dict[str, Any]] = {
    "window": {"days": 30},
    "rules": [{"name": PRINTED, "when": {"fact": "sku", "in": [SKU]}, "then": {"decide": "review", "code": CODE}}],
}
DRAFT: Final[dict[str, Any]] = {
    "window": {"days": 30},
    "rules": [{"name": FORMULA, "when": {"fact": "sku", "in": [SKU]}, "then": {"decide": "deny", "code": CODE}}],
}

WITHOUT_OUTSIDE_TEXTS: Final = {
    ("up",), ("down",), ("init",), ("doctor",), ("gateway",), ("demo",), ("import", "online-retail"),
    ("bench",), ("bench", "units"), ("bench", "policy"), ("bench", "http"), ("bench", "peers"), ("bench", "growth"),
    ("bench", "rebuild"),
    ("work", "commands"), ("work", "relay"), ("work", "projector"), ("work", "deadlines"), ("work", "payments"),
    ("work", "credit_notes"), ("work", "http"), ("work", "auditor"), ("work", "vault"), ("work", "labels"),
    ("work", "notices"), ("work", "all"),
    ("work", "webhooks"), ("webhooks", "pause"), ("webhooks", "resume"), ("webhooks", "remove"), ("webhooks", "rotate"),
    ("http", "key"), ("audit", "key"), ("audit", "checkpoint"), ("vault", "rotate"), ("relay",), ("restore",),
    ("chaos",), ("http",),
}  # fmt: skip
"""Commands that print what this project says of itself; their logs are `tests/unit/infra/test_escaping.py`'s."""


@dataclass(frozen=True, slots=True)
class Town:
    """What a stranger left behind, and where files about it are."""

    counter: Counter
    rma_id: UUID
    folder: Path
    letter_id: str

    def file(self, name: str, content: str) -> str:
        (self.folder / name).write_text(content)
        return str(self.folder / name)

    def document(self, name: str, content: Mapping[str, Any]) -> str:
        return self.file(name, json.dumps(content))


@pytest.fixture
def town(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Town]:
    """A running system in which every text that a stranger may choose is one to be obeyed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        for name, value in environment(settings).items():
            monkeypatch.setenv(name, value)
        projectors = [worker_named(name).run for name in ("tracking", "return_reasons")]
        with system(settings) as counter, running(settings, *projectors):
            rma_id = _sell_and_ask_back(counter)
            record = json.dumps(
                {"specversion": "1.0", "id": "bad", "source": TEXT, "type": f"rma.{TEXT}.v1", "[/x]": TEXT}
            )
            invoke("send", "-", stdin=record)
            [letter] = wait_for(lambda: json.loads(invoke("dead", "list", "--json").stdout), "the dead letter")
            wait_for(lambda: counter.rows("SELECT FROM rma_read.feedback"), "the read models")
            _issue_credit_note(counter, rma_id)
            yield Town(counter, rma_id, tmp_path, letter["id"])
    finally:
        structlog.reset_defaults()


def _sell_and_ask_back(counter: Counter) -> UUID:
    """Tell a return in which every free text is hostile."""
    at, rma_id = datetime.now(UTC) - timedelta(days=3), uuid4()
    on = {"rma_id": str(rma_id), "order_id": ORDER_ID}
    policy = {"policy_id": POLICY_ID, "effective_from": "2020-01-01T00:00:00Z", "document": DOCUMENT}
    line = {"line_id": "[/L1]", "sku": SKU, "quantity": 3, "amount_minor": 1_000, "title": TEXT, "category": TEXT}
    order = {
        "order_id": ORDER_ID, "customer_id": CUSTOMER_ID, "country": "US", "channel": FORMULA, "currency": "EUR",
        "policy_id": POLICY_ID, "lines": [line],
        "tenders": [{"tender_id": "[/T1]", "kind": "card", "amount_minor": 1_000, "reference": PRINTED}],
    }  # fmt: skip
    units = {"line_id": "[/L1]", "quantity": 1, "reason": "other", "wish": "refund", "comment": TEXT}
    photo = {"evidence_id": "[/E1]", "kind": "photo", "uri": TEXT, "line": 1}
    asked = {**on, "lines": [{**units, "answers": {"[/q]": TEXT}}], "evidence": [photo], "case_id": "[/case]"}
    delivered = {"order_id": ORDER_ID, "delivery_id": "[/D1]", "lines": [{"line_id": "[/L1]", "quantity": 3}]}
    decided = {**on, "lines": [{"line": 1, "quantity": 1, "decision": "deny", "code": CODE}], "note": TEXT}
    overridden = {**on, "lines": [{"line": 1, "quantity": 1, "decision": "approve"}], "reason": TEXT}
    label = {**on, "label_id": "[/LB]", "carrier": TEXT, "tracking_number": "[/PP1]", "ship_to": TEXT}
    scan = {**on, "tracking_number": "[/PP1]", "scan_id": "[/S1]", "status": "delivered", "place": TEXT}
    items = [{"line": 1, "quantity": 1, "serials": ["[/serial]"]}]
    other = [{"sku": FORMULA, "quantity": 1, "serial": "[/other]", "note": TEXT}]
    receipt = {**on, "receipt_id": "[/R1]", "site": "[/site]", "items": items, "complete": True, "unexpected": other}
    found = {**on, "inspection_id": "[/I1]", "line": 1, "quantity": 1, "grade": "A", "cause": "none_found"}
    for name, data, actor in (
        ("PublishPolicy", policy, "agent:[/a]"),
        ("RegisterOrder", order, "system:[/shop]"),
        ("RecordDelivery", delivered, "carrier:[/c]"),
        ("RequestReturn", asked, f"customer:{CUSTOMER_ID}"),
        ("DecideRequest", decided, "agent:[/a]"),
        ("AppealDenial", {**on, "line": 1, "grounds": TEXT}, f"customer:{CUSTOMER_ID}"),
        ("DecideRequest", decided, "agent:[/b]"),
        ("OverrideDecision", {**overridden, "approved_by": "[/boss]"}, "agent:[/a]"),
        ("IssueLabel", label, "agent:[/a]"),
        ("RecordScan", scan, "carrier:[/c]"),
        ("ReceiveGoods", receipt, "warehouse:[/w]"),
        ("RecordInspection", {**found, "liable_party": "none", "note": TEXT}, "warehouse:[/w]"),
        ("GiveFeedback", {**on, "score": 1, "comment": TEXT}, f"customer:{CUSTOMER_ID}"),
        ("RequestReturn", {**asked, "rma_id": str(uuid4()), "evidence": []}, f"customer:{CUSTOMER_ID}"),
    ):
        counter.accepted(name, data, actor=actor, at=at)
    return rma_id


def _issue_credit_note(counter: Counter, rma_id: UUID) -> None:
    [refund] = wait_for(lambda: counter.rows("SELECT refund_id FROM rma_read.refunds"), "the refund")
    told = {"series_id": "default", "refund_id": str(refund["refund_id"]), "rma_id": str(rma_id), "order_id": ORDER_ID}
    counter.accepted("IssueCreditNote", told, actor="clock:[/n]")
    wait_for(lambda: counter.rows("SELECT FROM rma_read.credit_notes"), "the credit note")


def invocations(town: Town) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Return for each command how it is run, by its words; the rest are arguments."""
    rma_id, order = str(town.rma_id), json.dumps({"order_id": ORDER_ID})
    [payout] = town.counter.payouts()
    settled = f"{payout['payout_id']},999,EUR,2026-03-09T10:00:00Z,[/x]\n{TYPED},1,EUR,x,y\n"
    settlement = town.file("settled.csv", "payout_id,amount,currency,settled_at,reference\n" + settled)
    wanted = {"line_id": "[/L1]", "quantity": 1, "reason": "other", "wish": "refund"}
    request = json.dumps({"rma_id": str(uuid4()), "order_id": ORDER_ID, "lines": [wanted]})
    goods = json.dumps({"customer_id": CUSTOMER_ID, "sku": SKU, "quantity": 1}) + "\n" + json.dumps({"[/x]": TEXT})
    command = {"specversion": "1.0", "id": "[/c]", "source": "/[/shop]", "type": "rma.[/x].v1", "actor": TEXT}
    scenario = f"scenario: {json.dumps(TEXT)}\nsteps:\n  - {{view: {json.dumps(TEXT)}, rows: []}}\n"
    draft = town.document("[x].json", DRAFT)
    [note] = [row["number"] for row in town.counter.rows("SELECT number FROM rma_read.credit_notes")]
    unknown = str(uuid4())
    return {
        ("show",): [(rma_id,), (rma_id, "--money"), (ORDER_ID,), (TYPED,)],
        ("list",): [(), (f"--customer={CUSTOMER_ID}", f"--order={ORDER_ID}"), ("--cursor", TYPED)],
        ("ledger",): [(), (ORDER_ID,), (TYPED,)],
        ("credit-note",): [(note,), (TYPED,), (note, "--pdf", str(town.folder / "[x].pdf"))],
        ("reasons",): [()],
        ("status",): [()],
        ("reconcile",): [(settlement,)],
        ("send",): [(town.document("[x].jsonl", command), "--wait"), (town.file("o.jsonl", order),)],
        ("answer",): [("[/c]",), (TYPED,)],
        ("dead", "list"): [(), ("--all",)],
        ("dead", "drop"): [(town.letter_id, "--reason", TEXT, "--as", "agent:[/a]")],
        ("dead", "show"): [(town.letter_id,), (TYPED,)],
        ("dead", "redrive"): [(town.letter_id,)],
        ("rebuild",): [("tracking",), (TYPED,)],
        ("quote",): [(town.file("quote.jsonl", f"{request}\n{json.dumps({'[/x]': TEXT})}"),)],
        ("match",): [(town.file("goods.jsonl", goods),)],
        ("explain",): [(rma_id,), (rma_id, "--lang", "zh"), (TYPED,)],
        ("review", "list"): [()],
        ("review", "decide"): [(rma_id, "--line", "1", "--deny", "--code", TEXT, "--note", TEXT, "--as", "agent:[/a]")],
        ("differences", "list"): [("--all",)],
        ("differences", "resolve"): [(unknown, "--how", "written_off", "--note", TEXT, "--as", "agent:[/a]")],
        ("policy", "list"): [()],
        ("policy", "show"): [("--policy", POLICY_ID), ("--policy", TYPED), (TYPED,)],
        ("policy", "diff"): [(f"{POLICY_ID}@1", draft), (TYPED, draft)],
        ("policy", "check"): [(draft,), (town.document("bad.json", {"[/x]": TEXT}),)],
        ("policy", "publish"): [(draft, "--policy", "[/y]", "--from", "2030-01-01T00:00:00Z", "--as", "agent:[/a]")],
        ("policy", "verify"): [()],
        ("policy", "backtest"): [(draft, "--processes", "1")],
        ("policy", "prove"): [(draft,), (town.document("bad.json", {"[/x]": TEXT}),)],
        ("scenario", "run"): [(town.file("[x].yaml", scenario),)],
    }


def audit_invocations(town: Town) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Return how each command of `rma audit` is run that shows what strangers chose."""
    return {
        ("audit", "verify"): [(), ("--key", TYPED)],
        ("audit", "prove"): [("1",), (TYPED,)],
        ("audit", "consistency"): [(town.file("[x].note", TEXT),), (TYPED,)],
        ("audit", "check"): [(town.document("[p].json", {"[/x]": TEXT}), "--key", TYPED), (TYPED, "--key", TYPED)],
        ("audit", "replay"): [(str(town.rma_id),), (ORDER_ID,), (TYPED,), ("--views", "returns"), ("--views", TYPED)],
        ("audit", "trail"): [(), ("--customer", CUSTOMER_ID), ("--type", TYPED), ("--rma", TYPED)],
        ("audit", "export"): [
            ("--since", "2020-01-01T00:00:00Z", "--until", "2040-01-01T00:00:00Z", "--out", str(town.folder / "[/b]")),
            ("--since", TYPED, "--until", TYPED, "--out", TYPED),
        ],
        ("audit", "resume"): [("--by", "agent:[/a]"), ("--by", TYPED)],
    }


def law_invocations() -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Return how each command of `rma statutes` is run, with what may be typed."""
    return {
        ("statutes", "list"): [()],
        ("statutes", "show"): [("DE",), (TYPED,), ("DE", "--on", TYPED)],
        ("statutes", "diff"): [("1", "2"), (TYPED, "2")],
        ("statutes", "publish"): [("1", "--as", TYPED), ("1", "--from", TYPED, "--as", "agent:[/a]")],
        ("statutes", "explain"): [("eu.withdrawal",), (TYPED,)],
    }


def privacy_invocations() -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Return what is asked about a person; nobody is forgotten by it, as nobody says yes."""
    return {
        ("privacy", "export"): [(CUSTOMER_ID,), (TYPED,)],
        ("privacy", "erase"): [(CUSTOMER_ID,), (TYPED,)],
    }


def webhook_invocations() -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Return how each command of `rma webhooks` is run that shows what was typed."""
    nobody = str(uuid4())
    return {
        ("webhooks", "add"): [(TYPED, "--types", "rma.Rma.*"), ("https://192.0.2.1/", "--types", TYPED)],
        ("webhooks", "list"): [()],
        ("webhooks", "deliveries"): [(nobody,), (TYPED,)],
        ("webhooks", "redeliver"): [(nobody, TYPED), (nobody, str(uuid4()))],
    }


def every_command(group: TyperGroup, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command there is."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from every_command(command, (*words, name))
            if command.invoke_without_command:
                yield (*words, name)
        else:
            yield (*words, name)


def assert_harmless(result: Result, said: str) -> None:
    """Nothing printed acts on a terminal, nothing begins a line of its own, and nothing ends in a traceback."""
    assert result.exception is None or isinstance(result.exception, SystemExit), (said, result.exception)
    assert not ACTIVE_CHARACTER.search(result.output.replace("\n", "")), (said, result.output)
    assert not any(line.startswith("✓ EUR sums") for line in result.output.splitlines()), (said, result.output)


def test_every_command_shows_what_strangers_wrote_and_obeys_none_of_it(town: Town) -> None:
    """People's tables and programs' JSON, what is found and what is refused, over all commands that exist."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    runs = (
        invocations(town) | audit_invocations(town) | law_invocations() | privacy_invocations() | webhook_invocations()
    )
    assert set(runs) | WITHOUT_OUTSIDE_TEXTS == set(every_command(root))
    balanced = escaped("✓ EUR sums to zero")

    printed: dict[tuple[str, ...], str] = {}
    for words, many in runs.items():
        for arguments in many:
            for form in ((), ("--json",)):
                result = invoke(*words, *arguments, *form)
                if words != ("ledger",):  # which says so itself, and means it
                    assert_harmless(result, " ".join((*words, *arguments, *form)))
                printed[words] = printed.get(words, "") + result.output
    assert balanced in printed["ledger",]

    for words, shown in {
        ("show",): escaped(TEXT),
        ("list",): CUSTOMER_ID,
        ("review", "list"): CODE,
        ("explain",): escaped(TEXT),
        ("dead", "show"): r"\x1b[2J",
        ("policy", "list"): POLICY_ID,
        ("policy", "show"): POLICY_ID,
        ("policy", "diff"): FORMULA,
        ("reasons",): SKU,
        ("match",): SKU,
        ("quote",): SKU,
        ("scenario", "run"): escaped(TEXT),
        ("reconcile",): ORDER_ID,
    }.items():
        assert shown in printed[words], (words, printed[words])


def test_files_for_spreadsheets_and_for_machines(town: Town) -> None:
    """In the CSV of a backtest a formula is a text; in the Parquet file it is what it was."""
    sheet, columns = town.folder / "changed.csv", town.folder / "changed.parquet"
    draft = town.document("draft.json", DRAFT)
    result = invoke("policy", "backtest", draft, "--processes", "1", "--csv", str(sheet), "--parquet", str(columns))
    assert result.exit_code == 0, result.output

    names = ("order_id", "customer_id", "sku", "codes_after", "decided_by_after")
    with sheet.open(newline="") as read:
        [first, *_] = [tuple(row[name] for name in names) for row in csv.DictReader(read)]
    with closing(duckdb.connect()) as reader:
        [stored, *_] = reader.execute(f"SELECT {', '.join(names)} FROM read_parquet(?)", [str(columns)]).fetchall()
    original = (ORDER_ID, CUSTOMER_ID, SKU, CODE, f"rule:{FORMULA}")
    assert stored == original
    assert first == (*(f"'{text}" for text in original[:-1]), original[-1])
