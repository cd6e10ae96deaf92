"""The contract as JSON Schema 2020-12: one file for each command, each event, and the answer to a command."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from commands.registry import REGISTRATIONS, Registration
from domain.fact import Fact
from infra.envelope.cloudevents import RESULT_TYPE
from infra.envelope.codec import ENVELOPE_FIELDS
from infra.envelope.results import EXAMPLE, CommandResult
from workers.contract.empty_texts import with_empty_texts
from workers.contract.examples import command_example, event_example
from workers.contract.markdown import described
from workers.runtime.every_event import make_codec

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
COMMANDS: Final = "commands"
EVENTS: Final = "events"
RESULTS: Final = "results"

Schema = dict[str, Any]


class _Untitled(GenerateJsonSchema):
    """Fields have no title beside their name: readers would make a type of each."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - asked for every field
        return False


def schemas() -> dict[str, Schema]:
    """Return every schema by its path, such as ``events/rma.Rma.Requested.v1``; the same models give the same ones."""
    found = {f"{COMMANDS}/{name}": command_schema(registration) for name, registration in REGISTRATIONS.items()}
    events = {f"{EVENTS}/{topic}": event_schema(topic, fact) for topic, fact in make_codec().event_classes.items()}
    return dict(sorted((found | events | {f"{RESULTS}/{RESULT_TYPE}": result_schema()}).items()))


def schema_files() -> dict[str, str]:
    """Return what each file of schemas holds, by its path under ``docs/contracts``."""
    return {f"schemas/{path}.json": f"{json.dumps(schema, indent=2)}\n" for path, schema in schemas().items()}


def command_schema(registration: Registration) -> Schema:
    """Return the schema of a command's body: what does not fit it is malformed."""
    found = with_empty_texts(_schema_of(registration.model, "validation"))
    return _headed(registration.type_name, registration.model, found, command_example(registration))


def event_schema(topic: str, event_class: type[Fact]) -> Schema:
    """Return the schema of an event's body: every event ever published fits it, and new ones may hold more fields.

    A field that was added to the type later is not required: events from before are without it.
    """
    found: Schema = _without(_schema_of(event_class, "serialization"), _closes)
    found["properties"] = {name: field for name, field in found["properties"].items() if name not in ENVELOPE_FIELDS}
    found["required"] = [name for name in found.get("required", ()) if name not in ENVELOPE_FIELDS]
    return _headed(topic, event_class, found, event_example(topic)["body"])


def result_schema() -> Schema:
    """Return the schema of the answer to a command."""
    return _headed(RESULT_TYPE, CommandResult, _schema_of(CommandResult, "serialization"), EXAMPLE)


def _schema_of(model: Any, mode: JsonSchemaMode) -> Schema:
    schema = TypeAdapter(model).json_schema(by_alias=True, mode=mode, schema_generator=_Untitled)
    found: Schema = _without(schema, _is_mapping)
    return found


def _headed(name: str, model: type, schema: Schema, example: Any) -> Schema:
    """Return a schema that says what it is; its example is one that fits it."""
    head = {"$schema": DIALECT, "$id": f"urn:rma:{name}", "title": name.split(".")[-2]}
    words = described(model)
    return (
        head
        | ({"description": words} if words else {})
        | {key: found for key, found in schema.items() if key not in {"title", "description"}}
        | {"examples": [example]}
    )


def _without(schema: Any, unwanted: Callable[[str, Any], bool]) -> Any:
    """Return a schema without some keywords, wherever they stand in it."""
    if isinstance(schema, list):
        return [_without(part, unwanted) for part in schema]
    if isinstance(schema, dict):
        return {key: _without(part, unwanted) for key, part in schema.items() if not unwanted(key, part)}
    return schema


def _is_mapping(key: str, part: Any) -> bool:
    """Tell the mapping of alternatives, which is OpenAPI's: the alternatives say it themselves."""
    return key == "discriminator" and isinstance(part, Mapping) and "propertyName" in part


def _closes(key: str, part: Any) -> bool:
    """Tell what forbids further fields."""
    return key == "additionalProperties" and part is False
