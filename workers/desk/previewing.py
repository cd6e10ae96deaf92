"""What would come of a request before it is sent: each line's decision and money, played through and never written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from commands import dispatch
from commands.requests import RequestReturn
from commands.streams import find_policy
from domain.order import Order
from domain.policy.asking import questions_asked
from domain.policy.decision import Decision
from domain.rma import Rma
from workers.desk.quoting import REQUEST_TYPE, Ask, PlayedStreams, played, quoted

DIGEST_CHARACTERS: Final = 32
DECIDED: Final = ("line_id", "quantity", "outcome", "codes", "net_minor", "fees_minor", "method", "return_to")
"""What of a line's preview a customer relies on: when any of it changes, he is to see it before he sends."""


def terms_told(rma: Rma, line: Mapping[str, Any], terms: Decision, streams: PlayedStreams) -> dict[str, Any]:
    """Return what a decision says of one line, as JSON values; ``line`` is its quote."""
    policy = find_policy(streams, rma.policy.policy_id)
    assert policy is not None  # noqa: S101 - it has decided
    document = policy.version_numbered(rma.policy.number).document
    goes_back = terms.outcome != "deny" and terms.method != "keep"
    return {
        "outcome": terms.outcome,
        "codes": list(terms.codes),
        "refund_minor": line["net_minor"],
        "fees_minor": line["restocking_minor"] + line["return_shipping_minor"],
        "method": terms.method,
        "return_to": terms.return_to,
        "until": terms.ship_back_due_at if goes_back else None,
        "window_ends_at": terms.window_ends_at,
        "questions": [
            one.model_dump(mode="json", include={"name", "text", "kind", "choices", "required"})
            for one in questions_asked(document, terms.facts)
        ],
    }


def preview(ask: Ask, streams: PlayedStreams) -> dict[str, Any]:
    """Return what policy would decide of a request now, and what would come back; ``streams`` are left as they were.

    ``until`` and ``zone`` say when the goods have to be sent, ``offers`` what may be wished for; ``digest`` is the
    same as long as everything is that a customer relies on.

    Raises:
        MalformedError: The body is no request.
        RuleViolationError: It would be refused.
    """
    command = dispatch.parse(REQUEST_TYPE, ask.body)
    assert isinstance(command, RequestReturn)  # noqa: S101 - the model of that type
    try:
        order, rma = played(command, ask, streams)
        quote = quoted(order, rma)
        lines = [_line(order, rma, line, streams) for line in quote["lines"]]
    finally:
        streams.refuse()
    tenders: dict[str, int] = {}
    for line in lines:
        for tender in line["tenders"]:
            tenders[tender["kind"]] = tenders.get(tender["kind"], 0) + tender["amount_minor"]
    return {
        "order_id": order.order_id,
        "currency": order.currency,
        "lines": lines,
        "net_minor": quote["net_minor"],
        "fees_minor": sum(line["fees_minor"] for line in lines),
        "tenders": [{"kind": kind, "amount_minor": amount} for kind, amount in tenders.items()],
        "digest": _digest(lines),
    }


def _line(order: Order, rma: Rma, line: Mapping[str, Any], streams: PlayedStreams) -> dict[str, Any]:
    terms = rma.lines[line["line"]].terms
    assert terms is not None  # noqa: S101 - policy has decided every line
    sold = order.lines[line["line_id"]].fact
    told = terms_told(rma, line, terms, streams)
    named = {
        "title": sold.title,
        "offers": list(terms.offers),
        "zone": terms.zone,
        "wish": rma.lines[line["line"]].asked.wish,
    }
    return {**line, **told, **named}


def _digest(lines: list[dict[str, Any]]) -> str:
    relied_on = [
        {name: line[name] for name in DECIDED} | {"until": line["until"] and line["until"].isoformat()}
        for line in lines
    ]
    return hashlib.sha256(orjson.dumps(relied_on)).hexdigest()[:DIGEST_CHARACTERS]
