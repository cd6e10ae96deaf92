"""The first page of the contract: what there is, attributes, answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from commands.registry import REGISTRATIONS
from infra.envelope.results import EXAMPLE
from workers.contract.markdown import GENERATED, json_block


def index(pages: Iterable[str]) -> str:
    """Return the page that leads to the pages of commands and events."""
    titles = "".join(
        f"- [{name.removesuffix('.md').replace('-', ': ', 1).replace('-', ' ')}]({name})\n" for name in sorted(pages)
    )
    return f"{GENERATED}\n{PAGE.format(titles=titles, count=len(REGISTRATIONS), result=json_block(EXAMPLE).rstrip())}"


PAGE: Final = """# Contracts

What other systems meet. Commands go to the topic `rma.commands`, answers come on `rma.command-results`, facts on
`rma.events`; the views of schema `rma_read` are for reading. There are {count} commands.

{titles}- [views](views.md): what can be read by SQL
- [vocabulary](vocabulary.md): codes, states and words, each in a sentence
- [Kafka](kafka.md): topics, keys and partitions, compression, limits, how long things are kept

## For machines

- [schemas/](schemas/): JSON Schema 2020-12 of every command, every event and the answer, with an example each
- [asyncapi.json](asyncapi.json): AsyncAPI 3, all channels with their keys, headers, messages and examples

What does not fit a command's schema is malformed. Every event that was ever published fits its schema, and code that is
generated from it reads all of them: fields that came later are not required.

## What may change

Commands, events, fields, words and codes are added; readers ignore what they do not know. Nothing that a released
version took becomes malformed, and nothing that it told goes away, becomes another type or may suddenly be missing:
each version is compared with every released one ([released/](released/)). What breaks somebody all the same stands with
its reason in [breaks.json](breaks.json).

## Attributes

Commands are accepted as CloudEvents 1.0 in binary mode (`ce_` headers) and in structured mode
(`application/cloudevents+json`); events and results are written in binary mode with `content-type: application/json`.

| attribute | command | event |
| --- | --- | --- |
| `id`, `source` | the idempotency key: a repeat gets the first answer again | the event's id; `/rma` |
| `type` | `rma.RequestReturn.v1` | `rma.Rma.Requested.v1` |
| `time` | business time, required, with an offset | the same business time |
| `subject` | | the stream: `order/O-1001`, `rma/<uuid>`, `policy/standard` |
| `actor` | required, `kind:id` | as the command's |
| `correlationid` | optional | the command's, else the command's `id`; whatever follows from it has the same |
| `causationid` | optional: the `id` of the event it answers | of the first event what its command names, else the \
command's `id`; of each further event of the command the `id` of the one before it |
| `streamversion`, `position`, `recordedat`, `commandid`, `prevhash` | | always set |

The key of a command is its `order_id`, for policies the `policy_id`, for the law `statutes`. An unknown field is
malformed. A country is one of ISO 3166-1 (alpha-2), or `ZZ` where it is not known; `EU` is taken, too. A currency is
one of ISO 4217.

Article, serial and tracking numbers and references are names: 1 to 128 printable characters of any script, spaces
(U+0020) inside and none at either end. An optional text that is empty (`""`) is as if left out: words of a vocabulary,
ids and answers, too. A whole number may be written `1.0`. A name that stands twice in one JSON object is malformed, in
a policy document, too; one that stands twice in a structured event makes a dead letter, and an answer where its `id`
and `source` stand once. A repeat is compared as it was sent (`command_id_reused`), a fact told again as it is read.

Business time lies at most a day ahead of the command worker's clock (else `time_in_future`, with the latest that would
do), and no shipment or delivery before its order (`before_order`).

Commands of the payments and deadline workers name the event that they answer, so that a payout can be followed back to
the request by ids alone. Events of version 0.1.0 have the command's `id` as `causationid`, and stay so.

## Results

{result}

`status` is `accepted`, `refused` (with a stable `code`, a `message` for people and the figures in `details`) or
`malformed` (every fault by its JSON path in `details.faults`; the record also goes to `rma.commands.dead`). What was
accepted names its events: `id`, `type`, `stream`, `version`, `position`.

The path of a fault is a header (`$.ce_time`), an attribute of a structured event (`$.time`), or a place in the body
(`$.lines[0].quantity`). Faults of the attributes and of the body are named together, so that a record is mended once.

Every code, and every word that a field can hold, has its sentence in [vocabulary](vocabulary.md).
"""
