"""The running API is what its OpenAPI says: no defect, and no answer that is not declared, whatever is sent."""

from __future__ import annotations

from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS

from tests.support.api import Api
from tests.support.pipeline import wait_for
from workers.http.app import make_app

EXAMPLES_MAX: Final = 12
"""For each operation; the whole takes some seconds."""
SCHEMA: Final = schemathesis.openapi.from_dict(make_app().openapi())
OPERATIONS: Final = {
    found.ok().label: found.ok()
    for found in SCHEMA.get_all_operations()
    if isinstance(found, schemathesis.core.result.Ok)
}
DECLARED: Final[list[Any]] = [
    CHECKS.get_one(name)
    for name in ("status_code_conformance", "content_type_conformance", "response_schema_conformance",
                 "response_headers_conformance")
]  # fmt: skip


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_declared(api: Api, label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a caller may send, and what he may not: parameters, bodies and headers made up from the description."""
    monkeypatch.setattr("workers.http.reading.CAUGHT_UP_MAX_S", 0.0)
    operation = OPERATIONS[label]
    statuses = set()

    @settings(
        max_examples=EXAMPLES_MAX, deadline=None, database=None, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def holds(case: Any) -> None:
        answer = case.call(base_url=str(api.base_url), headers={"authorization": api.headers["authorization"]})
        statuses.add(answer.status_code)
        assert answer.status_code < 500 or answer.json()["code"] == "not_yet", answer.text
        case.validate_response(answer, checks=DECLARED)

    holds()
    assert statuses


def test_what_is_there_is_as_declared(api: Api) -> None:
    """Rows that are there have the columns, and the types, that the description gives them."""
    uri = api.post("/v1/evidence", content=b"%PDF-1.7").json()["uri"]
    api.sell("O-declared")
    item = {"evidence_id": "E-1", "kind": "document", "uri": uri}
    rma_id, asked = api.ask_return("O-declared", evidence=[item])
    resolution = {"rma_id": rma_id, "order_id": "O-declared", "line": 1, "quantity": 1, "resolution": "refund"}
    api.accepted("DecideResolution", resolution, actor="agent:A1", id="c-declared")
    note = {"series_id": "default", "order_id": "O-declared", "rma_id": rma_id}
    after = {"after": asked["events"][-1]["position"]}
    refunds = wait_for(lambda: api.get(f"/v1/returns/{rma_id}", params=after).json()["refunds"], "the refund")
    issued = api.accepted("IssueCreditNote", note | {"refund_id": refunds[0]["refund_id"]}, actor="clock:notes")
    after = {"after": issued["events"][-1]["position"]}
    number = f"CN-default-{issued['recorded_at'][:4]}-000001"

    for label, place, query in (
        ("GET /v1/results", {}, {"id": "c-declared"}),
        ("GET /v1/returns", {}, after | {"order_id": "O-declared"}),
        *(
            (f"GET /v1/returns/{{name}}{part}", {"name": rma_id}, {})
            for part in ("", "/timeline", "/explanation", "/quote")
        ),
        ("GET /v1/orders", {}, {"order_id": "O-declared"}),
        ("GET /v1/orders/{name}", {"name": "O-declared"}, {}),
        ("GET /v1/orders/{name}/returnable", {"name": "O-declared"}, {"reason": "fit"}),
        ("GET /v1/credit-notes", {}, {"number": number}),
        ("GET /v1/credit-notes.pdf", {}, {"number": number}),
        ("GET /v1/evidence/{evidence_id}", {"evidence_id": uri.rpartition("/")[2]}, {}),
    ):
        case = OPERATIONS[label].Case(path_parameters=place, query=query)
        answer = case.call(base_url=str(api.base_url), headers={"authorization": api.headers["authorization"]})
        assert answer.status_code == 200, (label, answer.text)
        case.validate_response(answer, checks=DECLARED)


def test_every_operation_is_tried() -> None:
    """The test above has something to do."""
    assert {"POST /v1/commands", "GET /v1/returns", "POST /v1/evidence"} <= set(OPERATIONS)
