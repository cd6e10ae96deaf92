"""A client that a generator made of `docs/openapi.json` sells, asks for a return, and reads what came of it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from infra.settings import Settings
from tests.support.api import STRUCTURED, Api, Keys, event, order

DOCUMENT: Final = Path(__file__).parents[4] / "docs" / "openapi.json"
PACKAGE: Final = "made_of_openapi"
CONFIG: Final = """
content_type_overrides: {"application/pdf": "application/octet-stream", "*/*": "application/octet-stream"}
post_hooks: []
"""
WAIT_MAX_S: Final = 120

pytestmark = pytest.mark.skipif(
    not find_spec("openapi_python_client"), reason="openapi-python-client is not installed: make readers"
)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Generate the client, and return how to import a module of it; the generator has nothing to complain of."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "config.yml").write_text(CONFIG)
    said = subprocess.run(  # noqa: S603 - a generator that is installed here
        [
            sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--path", str(DOCUMENT),
            "--output-path", str(folder / PACKAGE), "--config", str(folder / "config.yml"), "--fail-on-warning",
        ],
        capture_output=True,
        text=True,
        timeout=WAIT_MAX_S,
        check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    sys.path.insert(0, str(folder))
    try:
        yield lambda name: importlib.import_module(f"{PACKAGE}.{name}")
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
            del sys.modules[name]


def test_it_tells_and_reads(
    generated: Callable[[str], Any], api: Api, keys: Keys, door_settings: tuple[Settings, Keys]
) -> None:
    """Rows come as classes with instants and ids, a refusal as a problem with its code."""
    client = generated("client").AuthenticatedClient(base_url=str(api.base_url), token=keys["shop"])
    read = generated("api.returns.one_return_v1_returns_name_get").sync
    page = generated("api.returns.returns_v1_returns_get").sync
    cloud_event = generated("models.cloud_event").CloudEvent.from_dict
    problem, result = generated("models.problem").Problem, generated("models.command_result").CommandResult

    def told(name: str, data: object, **attributes: Any) -> Any:
        # what is generated for this address asks whether a body is a `list[CloudEvent]`, which Python refuses
        body = cloud_event(event(name, data, **attributes)).to_dict()
        answer = client.get_httpx_client().post("/v1/commands", json=body, headers=STRUCTURED | {"prefer": "wait=30"})
        return (result if answer.status_code == 200 else problem).from_dict(answer.json())

    assert told("RegisterOrder", order("O-generated")).status == "accepted"
    asked = api.deliver("O-generated")
    rma_id, asked = api.ask_return("O-generated")
    after = asked["events"][-1]["position"]

    found = read(rma_id, client=client, after=after)
    assert (found.rma_id, found.order_id, found.status) == (UUID(rma_id), "O-generated", "authorized")
    assert isinstance(found.requested_at, datetime)
    assert [(line.line_id, line.quantity) for line in found.lines] == [("L1", 1)]
    listed = page(client=client, order_id="O-generated")
    assert [row.rma_id for row in listed.items] == [UUID(rma_id)]

    refused = told(
        "RecordDelivery", {"order_id": "O-nobody", "delivery_id": "D-1", "lines": [{"line_id": "L1", "quantity": 1}]}
    )
    assert isinstance(refused, problem)
    assert refused.code == "unknown_order"
    label = generated("api.returns.label_pdf_v1_returns_name_label_pdf_get").sync(rma_id, client=client)
    assert isinstance(label, problem)
    assert label.code == "no_label"
