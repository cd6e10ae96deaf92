"""What `rma` answers without changing anything: what requests would give back, where goods came from, why."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from workers.cli.arguments import checked_actor, instant_of, open_lines, reading, unknown
from workers.cli.errors import SaidNoError
from workers.cli.exit_codes import SAID_NO
from workers.pictures.terminal import AsJson, console, print_json


class Language(StrEnum):
    """The languages in which decisions are explained."""

    EN = "en"
    ZH = "zh"


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (quote, match, explain):
        app.command()(command)


def quote(
    file: Annotated[
        Path, typer.Argument(help="JSON lines: RequestReturn bodies, or CloudEvents; - for standard input.")
    ],
    at: Annotated[str | None, typer.Option(help="When it is asked (RFC 3339), for bare bodies; default: now.")] = None,
    actor: Annotated[
        str, typer.Option("--as", callback=checked_actor, help="Who asks, for bare bodies.")
    ] = "agent:quote",
    as_json: AsJson = False,
) -> None:
    """Say what requests would give back, line by line, without writing anything; exit code 1 where one is refused."""
    from infra.addresses import postgres_address
    from infra.log.event_log import EventLog
    from infra.settings import Settings
    from workers.command_worker.streams import AggregateCache, BatchStreams
    from workers.desk.quoting import asks_in
    from workers.desk.quoting import quote as quote_one
    from workers.pictures.quotes import quotes
    from workers.runtime.every_event import make_codec

    instant = instant_of(at, "--at") or datetime.now(UTC)
    with open_lines(file) as lines, closing(EventLog(postgres_address(Settings()))) as log:
        streams = BatchStreams(log, make_codec(), AggregateCache())
        quoted = [quote_one(asked, streams) for asked in asks_in(lines, at=instant, actor=actor)]
    print_json(quoted) if as_json else console().print(quotes(quoted))
    if any(one["status"] != "quoted" for one in quoted):
        raise typer.Exit(SAID_NO)


def match(
    file: Annotated[
        Path,
        typer.Argument(help="CSV with a heading, or JSON lines: customer_id, sku, quantity; - for standard input."),
    ],
    *,
    requests: Annotated[Path | None, typer.Option(help="Write requests for what was found, for rma send.")] = None,
    case: Annotated[str | None, typer.Option(help="The case that the requests share; default: a fresh one.")] = None,
    at: Annotated[str | None, typer.Option(help="When the requests are made (RFC 3339); default: now.")] = None,
    actor: Annotated[str, typer.Option("--as", callback=checked_actor, help="Who makes the requests.")] = "agent:match",
    as_json: AsJson = False,
) -> None:
    """Propose which delivered, free units goods came from; exit code 1 where some came from nowhere known."""
    from projections.refund_ledger.sold_lines import read_sold_lines
    from workers.desk import matching
    from workers.pictures.matches import proposals

    instant = instant_of(at, "--at") or datetime.now(UTC)
    with open_lines(file) as lines:
        read = matching.rows_in(lines)
    with reading() as connection:
        matched = matching.match_rows(read, read_sold_lines(connection, [one.row.goods for one in read if one.row]))
    if requests is not None:
        made = matching.requests_of(matched, case=case or f"CASE-{uuid4().hex[:12]}", at=instant, actor=actor)
        requests.write_bytes(b"".join(event + b"\n" for event in made))
    data = matching.as_data(read, matched)
    print_json(data) if as_json else console().print(proposals(data))
    if data["left_over"] or data["faulty"]:
        raise typer.Exit(SAID_NO)


def explain(
    rma: Annotated[str, typer.Argument(help="The return's number, its id, or its parcel's tracking number.")],
    lang: Annotated[Language, typer.Option(help="The language of the texts.")] = Language.EN,
    claims: Annotated[
        bool, typer.Option("--claims", help="Also which other reason or answer of the customer's would have done.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell why each line was decided as it was: by which rule or person, and what would have changed it.

    And what promotions that no longer hold took off its refunds.
    """
    from infra.settings import Settings
    from projections.tracking.case_file import find_return
    from projections.tracking.decisions import read_decisions, read_promoted_refunds
    from workers.operating.shown_texts import shown_texts, with_texts
    from workers.pictures.catalogues import catalogue
    from workers.pictures.explaining import explain as explain_one
    from workers.pictures.explaining import explain_refund
    from workers.pictures.explanations import explanations

    texts = catalogue(lang.value)
    with reading() as connection:
        rma_id = find_return(connection, rma)
        decided = read_decisions(connection, rma_id) if rma_id else []
        promoted = read_promoted_refunds(connection, rma_id) if rma_id else []
        if rma_id is None:
            raise unknown(rma)
        if not decided:
            raise SaidNoError(f"nothing is known of a decision on return {rma}")
    shown = shown_texts(Settings(), (f"rma/{rma_id}",), "rma explain")
    decided = [with_texts(row, shown) for row in decided]
    explained = [explain_one(row, texts, claims=claims) for row in decided]
    explained += [explain_refund(row, texts) for row in promoted]
    print_json([one.as_dict() for one in explained]) if as_json else console().print(explanations(explained, texts))
