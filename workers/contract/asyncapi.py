"""The contract as one AsyncAPI 3 document: channels, keys, headers, messages with examples, and who sends what."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any, Final

from commands.registry import REGISTRATIONS, Registration
from domain.fact import Fact
from infra.envelope.cloudevents import RESULT_TYPE, STRUCTURED_CONTENT
from infra.envelope.results import EXAMPLE, CommandResult
from infra.kafka.topics import PARTITIONS, RECORD_BYTES_MAX, TopicNames
from workers.contract import headers
from workers.contract.examples import command_example, event_example
from workers.contract.markdown import described
from workers.contract.schemas import COMMANDS, EVENTS, RESULTS, Schema, command_schema, event_schema, result_schema
from workers.runtime.every_event import make_codec

FILE: Final = "asyncapi.json"
BINDING_VERSION: Final = "0.5.0"
NAMES: Final = TopicNames()
STRUCTURED: Final = "StructuredCommand"
DEAD: Final = "DeadLetter"
CHECKPOINT: Final = "Checkpoint"
CHECKPOINT_EXAMPLE: Final = (
    "localhost/rma\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nnumber 3\n"
    f"outcomes 9 {'0' * 64}\ntime 2026-03-01T09:00:00Z\n\n\u2014 localhost/rma x08go/ZJkuBS9UG/SffcvIAQxVBti=\n"
)
"""What a note looks like; nobody signed this one."""

SOME_BOOTSTRAP: Final = "localhost:9092"
UNSAID: Final = ("$schema", "$id", "examples")
"""What a schema says of itself as a file, and the message says here."""

HANDLE: Final = "Decide a command, record what follows from it, and answer it; a repeat gets the first answer again."
PUBLISH: Final = "Publish what was recorded, at least once, and first occurrences in the order of the log."
SIGN: Final = "Sign how long the log is and the root of the tree over it, at least every minute in which it grew."
SET_ASIDE: Final = "Keep a record that could not be read, or that made a worker fail, with what was wrong."

Document = dict[str, Any]


class PartsDifferError(Exception):
    """Two messages have different parts of one name; one of the two has to be called otherwise."""


def asyncapi_file() -> str:
    """Return the document as it is written."""
    return f"{json.dumps(asyncapi(), indent=2)}\n"


def asyncapi() -> Document:
    """Return the document; the same models give the same one."""
    schemas: dict[str, Schema] = {}
    codec = make_codec()
    commands = {name: _command(found, schemas) for name, found in sorted(REGISTRATIONS.items())}
    events = {topic: _event(topic, fact, schemas) for topic, fact in sorted(codec.event_classes.items())}
    results = {RESULT_TYPE: _result(schemas)}
    dead, checkpoints = {DEAD: _dead_letter()}, {CHECKPOINT: _checkpoint()}
    structured = {STRUCTURED: _structured(sorted(commands))}
    return {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {
            "commands": _channel(NAMES.commands, "Commands, from whoever is asked in.", [*commands, *structured]),
            "events": _channel(NAMES.events, "Every fact, in the order of the log within a key.", list(events)),
            "results": _channel(NAMES.results, "An answer to each command.", list(results)),
            "dead": _channel(NAMES.dead, "Records that were no command, or made a worker fail.", list(dead)),
            "checkpoints": _channel(
                NAMES.checkpoints, "Signed checkpoints, in order.", list(checkpoints), partitions=1
            ),
        },
        "operations": {
            "handleCommand": _operation("receive", "commands", HANDLE, reply="results"),
            "publishEvent": _operation("send", "events", PUBLISH),
            "publishDeadLetter": _operation("send", "dead", SET_ASIDE),
            "publishCheckpoint": _operation("send", "checkpoints", SIGN),
        },
        "components": {
            "messages": commands | structured | events | results | dead | checkpoints,
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _info() -> Document:
    return {
        "title": "Returns, from request to feedback",
        "version": version("rma"),
        "description": (
            "Commands in, facts out, over Kafka as CloudEvents 1.0. Keys are partitioned by murmur2, as Java clients "
            "do it; with librdkafka set partitioner=murmur2_random. Readers of events and answers ignore fields that "
            "they do not know, and expect words and types that are not there yet. The prose is in docs/contracts."
        ),
        "tags": [{"name": "returns"}],
    }


def _servers() -> Document:
    server = {
        "host": "{bootstrap}",
        "protocol": "kafka",
        "description": "The Kafka that RMA_KAFKA_BOOTSTRAP names.",
        "variables": {"bootstrap": {"default": SOME_BOOTSTRAP, "description": "Host and port."}},
    }
    return {"kafka": server}


def _channel(address: str, description: str, messages: list[str], *, partitions: int = PARTITIONS) -> Document:
    retention_ms = NAMES.retention_ms[address]
    kafka = {
        "topic": address,
        "partitions": partitions,
        "topicConfiguration": {
            "cleanup.policy": ["delete"],
            "retention.ms": retention_ms,
            "max.message.bytes": RECORD_BYTES_MAX,
        },
        "bindingVersion": BINDING_VERSION,
    }
    return {
        "address": address,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": kafka},
    }


def _operation(action: str, channel: str, description: str, *, reply: str | None = None) -> Document:
    operation = {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "description": description}
    return operation | ({"reply": {"channel": {"$ref": f"#/channels/{reply}"}}} if reply else {})


def _message(name: str, summary: str, *, key: str, headers: Schema, payload: Any, examples: list[Document]) -> Document:
    return {
        "name": name,
        "title": name,
        "summary": summary or name,
        "contentType": "application/json",
        "headers": headers,
        "payload": payload,
        "examples": examples,
        "bindings": {
            "kafka": {"key": {"type": "string", "description": key}, "bindingVersion": BINDING_VERSION},
        },
    }


def _command(registration: Registration, schemas: dict[str, Schema]) -> Document:
    name, model = registration.type_name, registration.model
    senders = ", ".join(sorted(registration.by))
    return _message(
        name,
        f"{described(model)} Sent by: {senders}.",
        key="The order_id of the body; of a policy's commands the policy_id, of those about the law `statutes`.",
        headers=headers.of_command(name, sorted(registration.by)),
        payload=_shared(name, COMMANDS, command_schema(registration), schemas),
        examples=[
            {
                "name": model.__name__,
                "headers": headers.command_example(name, sorted(registration.by)[0]),
                "payload": command_example(registration),
            }
        ],
    )


def _event(topic: str, fact: type[Fact], schemas: dict[str, Schema]) -> Document:
    example = event_example(topic)
    return _message(
        topic,
        described(fact),
        key="The order_id; of a policy's events the policy_id, of the law's `statutes`.",
        headers=headers.of_event(topic),
        payload=_shared(topic, EVENTS, event_schema(topic, fact), schemas),
        examples=[
            {"name": fact.__name__, "headers": headers.event_example(example["envelope"]), "payload": example["body"]}
        ],
    )


def _result(schemas: dict[str, Schema]) -> Document:
    return _message(
        RESULT_TYPE,
        described(CommandResult),
        key="The key of the command's record.",
        headers=headers.of_result(),
        payload=_shared(RESULT_TYPE, RESULTS, result_schema(), schemas),
        examples=[{"name": "refused", "headers": headers.result_example(), "payload": EXAMPLE}],
    )


def _structured(types: list[str]) -> Document:
    """Return the message of a command in structured mode, whose data are those of the command that it names."""
    payload = headers.structured_event(types)
    message = _message(
        STRUCTURED,
        "Any command as one JSON object: its attributes beside its data.",
        key="As in binary mode.",
        headers=headers.of_structured(),
        payload=payload,
        examples=[{"name": "structured", "headers": headers.STRUCTURED_EXAMPLE, "payload": payload["examples"][0]}],
    )
    return message | {"contentType": STRUCTURED_CONTENT}


def _dead_letter() -> Document:
    return _message(
        DEAD,
        "A record as it came, with where it came from and what was wrong in headers of its own.",
        key="The record's own.",
        headers=headers.of_dead_letter(),
        payload={"description": "The record's own value, whatever it is."},
        examples=[{"name": "dead", "headers": headers.DEAD_EXAMPLE, "payload": "{not json"}],
    )


def _checkpoint() -> Document:
    message = _message(
        CHECKPOINT,
        "A signed note in the C2SP form tlog-checkpoint: origin, size, root, then number, outcomes and time.",
        key="The size of the tree.",
        headers={"type": "object", "properties": {}},
        payload={"type": "string"},
        examples=[{"name": "checkpoint", "headers": {}, "payload": CHECKPOINT_EXAMPLE}],
    )
    return message | {"contentType": "text/plain"}


def _shared(name: str, kind: str, schema: Schema, schemas: dict[str, Schema]) -> Schema:
    """Put a schema and its parts among the document's, and return a reference to it.

    Commands and events have parts of one name that differ: what a command takes is closed, what an event tells grows.

    Raises:
        PartsDifferError: Another message of this kind has a part of this name, and it is another.
    """
    for part_name, part in schema.get("$defs", {}).items():
        shared = _moved(part, kind)
        if schemas.setdefault(f"{kind}.{part_name}", shared) != shared:
            raise PartsDifferError(part_name)
    schemas[name] = _moved({key: found for key, found in schema.items() if key not in {"$defs", *UNSAID}}, kind)
    return {"$ref": f"#/components/schemas/{name}"}


def _moved(schema: Any, kind: str) -> Any:
    """Return a schema that refers to parts where the document has them."""
    if isinstance(schema, list):
        return [_moved(part, kind) for part in schema]
    if isinstance(schema, dict):
        return {key: _moved(part, kind) for key, part in schema.items()}
    return schema.replace("#/$defs/", f"#/components/schemas/{kind}.") if isinstance(schema, str) else schema
