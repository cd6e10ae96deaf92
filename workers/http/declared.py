"""What OpenAPI says of the API beyond what its functions say: bodies read by hand, answers that are problems."""

from __future__ import annotations

from typing import Any, Final, Literal, NotRequired

from pydantic import JsonValue, TypeAdapter
from typing_extensions import TypedDict

from domain.vocabularies import EvidenceKind
from infra.envelope.cloudevents import STRUCTURED_CONTENT
from infra.envelope.results import CommandResult
from workers.http.incoming import BATCH_CONTENT, BATCH_MAX, JSON_CONTENT
from workers.http.problems import PROBLEM_CONTENT, Problem

Responses = dict[int | str, dict[str, Any]]
SCHEMAS: Final = "#/components/schemas/{model}"


class CloudEvent(TypedDict):
    """A command as a structured CloudEvent; docs/contracts says of each type what its data holds."""

    specversion: str
    id: str
    type: str
    time: str
    actor: str
    data: JsonValue
    source: NotRequired[str]
    correlationid: NotRequired[str]
    causationid: NotRequired[str]
    datacontenttype: NotRequired[str]


class PendingAnswer(TypedDict):
    """A command was taken, and its answer is still to come, at the location."""

    command_id: str
    source: str
    status: str
    location: str


class BatchAnswer(TypedDict):
    """What one command of a batch would have been answered alone: status and body."""

    status: int
    body: CommandResult | PendingAnswer | Problem


class StoredEvidence(TypedDict):
    """A file that is kept; all but its size and type is what a command says of it."""

    uri: str
    kind: EvidenceKind
    media_type: str
    bytes: int
    sha256: str


class CarrierEventAnswer(TypedDict):
    """What became of one event of a carrier."""

    event_id: str | None
    status: Literal["accepted", "refused", "pending", "malformed", "kept"]
    code: NotRequired[str]
    detail: NotRequired[str]


class CarrierAnswer(TypedDict):
    """What became of the events of a carrier, in their order."""

    events: list[CarrierEventAnswer]


COMPONENTS: Final = (
    CloudEvent, CommandResult, PendingAnswer, BatchAnswer, Problem, StoredEvidence, CarrierAnswer,
)  # fmt: skip


def components() -> dict[str, Any]:
    """Return the schemas of what is read and answered by hand, by name."""
    found: dict[str, Any] = {}
    for model in COMPONENTS:
        schema = TypeAdapter(model).json_schema(ref_template=SCHEMAS)
        found |= schema.pop("$defs", {})
        found[model.__name__] = schema
    return found


def _ref(name: str) -> dict[str, str]:
    return {"$ref": SCHEMAS.format(model=name)}


def json_of(name: str, description: str, **more: Any) -> dict[str, Any]:
    """Return the declaration of an answer in JSON."""
    return {"description": description, "content": {"application/json": {"schema": _ref(name)}}, **more}


def problems(*statuses: int) -> Responses:
    """Return the declarations of answers that are problems."""
    content = {PROBLEM_CONTENT: {"schema": _ref("Problem")}}
    return {status: {"description": PROBLEMS[status], "content": content} for status in statuses}


PROBLEMS: Final = {
    400: "The request cannot be read",
    401: "Nobody is known by the token",
    403: "The caller may not do this",
    404: "There is no such thing, or it is not the caller's to see",
    408: "The body did not come in time",
    409: "Refused by a rule",
    413: "The body is too large",
    415: "The body is of another type",
    422: "Malformed",
    429: "Too many requests",
    500: "A defect",
    503: "A service is away, or the views are behind: ask again",
}
ALWAYS: Final = (400, 401, 403, 429, 500, 503)
RMA_POSITION: Final = {
    "Rma-Position": {
        "description": "How far the log is with it: reads take it as `after`",
        "schema": {"type": "integer"},
    }
}
COMMANDS_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            STRUCTURED_CONTENT: {"schema": _ref("CloudEvent")},
            BATCH_CONTENT: {
                "schema": {"type": "array", "items": _ref("CloudEvent"), "minItems": 1, "maxItems": BATCH_MAX}
            },
            JSON_CONTENT: {"schema": {"type": "object", "description": "Binary mode: attributes are ce- headers."}},
        },
    },
    "parameters": [
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "description": "`wait=SECONDS`: how long to wait for the answer",
            "schema": {"type": "string"},
        }
    ],
}
COMMANDS_RESPONSES: Final[Responses] = {
    200: {
        "description": "Accepted; of a batch: the answer to each, in order",
        "headers": RMA_POSITION,
        "content": {
            "application/json": {
                "schema": {"oneOf": [_ref("CommandResult"), {"type": "array", "items": _ref("BatchAnswer")}]}
            }
        },
    },
    202: json_of(
        "PendingAnswer",
        "Taken, not answered yet",
        headers={"Location": {"description": "Where the answer will be", "schema": {"type": "string"}}},
    ),
    **problems(*ALWAYS, 408, 409, 413, 415, 422),
}
RESULTS_RESPONSES: Final[Responses] = {
    200: json_of("CommandResult", "Accepted", headers=RMA_POSITION),
    **problems(*ALWAYS, 404, 409, 422),
}
