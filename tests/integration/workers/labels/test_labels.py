"""The label worker on real Kafka and PostgreSQL: what is approved for a label has one, once, whatever is killed."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Final

import pytest

from infra.labels.port import LabelRequest, MadeLabel, NoLabelError
from infra.metrics import WorkerMetrics
from infra.settings import Settings
from infra.sites import SitesFileError
from tests.support.pipeline import wait_for
from tests.support.worker_threads import Counter, running, system
from workers.labels import worker
from workers.labels.worker import run

POLICY: Final[dict[str, Any]] = {"window": {"days": 30}, "method": "label", "return_to": "WH-1"}
SITES: Final = {"WH-1": {"name": "Returns", "address": ["1 Dock Road", "Dublin", "Ireland"]}}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings under which labels are made."""
    (tmp_path / "sites.json").write_text(json.dumps(SITES))
    return settings.model_copy(update={"sites_file": tmp_path / "sites.json"})


def issued(counter: Counter) -> list[dict[str, Any]]:
    return counter.rows("SELECT * FROM rma_log.events WHERE type = 'rma.Rma.LabelIssued.v1' ORDER BY position")


def asked(counter: Counter) -> int:
    return len(counter.rows("SELECT FROM rma_log.outcomes WHERE source = '/rma/labels'"))


class Flaky:
    """A maker that makes a label, and breaks off before it says so, the first time of each."""

    def __init__(self) -> None:
        self.asked: list[LabelRequest] = []

    def make(self, request: LabelRequest) -> MadeLabel:
        self.asked.append(request)
        if len([one for one in self.asked if one.label_id == request.label_id]) == 1:
            raise NoLabelError("ReadTimeout")
        return MadeLabel("DHL", f"J{request.label_id.hex[:8]}")

    def close(self) -> None:
        """There is nothing to give back."""


def test_what_is_approved_for_a_label_has_one(settings: Settings) -> None:
    """Also what was approved before the worker ran; two of them issue nothing twice; the cause is the approval."""
    work = partial(run, metrics=WorkerMetrics("labels"))
    with system(settings) as counter:
        counter.publish(POLICY)
        counter.order_and_return("O-1", {"card": 100})
        with running(settings, work, work):
            wait_for(lambda: len(issued(counter)) == 1, "the label of what was approved before")
            counter.order_and_return("O-2", {"card": 100})
            wait_for(lambda: len(issued(counter)) == 2, "the second label")
        with running(settings, work):
            counter.order_and_return("O-3", {"card": 100})
            wait_for(lambda: len(issued(counter)) == 3, "the third label")

        assert asked(counter) == 3
        said = [json.loads(bytes(event["body"])) for event in issued(counter)]
        assert len({one["tracking_number"] for one in said}) == 3
        assert {one["carrier"] for one in said} == {"Returns"}
        causes = counter.rows(
            "SELECT cause.type FROM rma_log.events AS e JOIN rma_log.events AS cause"
            " ON cause.event_id::text = e.causation_id WHERE e.type = 'rma.Rma.LabelIssued.v1'"
        )
        assert {one["type"] for one in causes} == {"rma.Rma.Authorized.v1"}


def test_a_label_that_could_not_be_had_is_asked_for_again_under_its_id(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No label is bought twice; others are not held up, nor is one for a site that nobody knows."""
    maker = Flaky()
    monkeypatch.setattr(worker, "WAIT_S", 0.1)
    monkeypatch.setattr(worker, "_maker", lambda _: maker)
    with system(settings) as counter:
        counter.publish(POLICY | {"rules": [_elsewhere("LAMP")]})
        with running(settings, partial(run, metrics=WorkerMetrics("labels"))):
            _order_of(counter, "O-lamp", "LAMP")
            for number in range(3):
                counter.order_and_return(f"O-{number}", {"card": 100})
            wait_for(lambda: len(issued(counter)) == 3, "three labels")
            wait_for(lambda: counter.rows("SELECT FROM rma_labels.returns WHERE tries > 1"), "the lamp to wait")

        by_id = {one.label_id: [a.site for a in maker.asked if a.label_id == one.label_id] for one in maker.asked}
        assert [len(times) for times in by_id.values()] == [2, 2, 2]
        assert counter.rows("SELECT FROM rma_labels.returns WHERE looked < decided") == [{}]


def _elsewhere(sku: str) -> dict[str, Any]:
    return {"name": "elsewhere", "when": {"fact": "sku", "in": [sku]}, "then": {"return_to": "WH-9"}}


def _order_of(counter: Counter, order_id: str, sku: str) -> None:
    """Sell one article, deliver it, take its return."""
    order = {"order_id": order_id, "customer_id": "C1", "country": "US", "channel": "web", "currency": "EUR"}
    units = [{"line_id": "L1", "quantity": 1}]
    sold = {"lines": [{**units[0], "sku": sku, "amount_minor": 9}], "tenders": [_paid(9)]}
    counter.accepted("RegisterOrder", order | sold, actor="system:shop")
    counter.accepted("RecordDelivery", {"order_id": order_id, "delivery_id": "D", "lines": units}, actor="carrier:U")
    rma_id = "6f1c1a52-6a1e-4c52-9d39-0a3a2f1f6c11"
    lines = [{**units[0], "reason": "defective", "wish": "refund"}]
    counter.accepted("RequestReturn", {"rma_id": rma_id, "order_id": order_id, "lines": lines}, actor="customer:C1")


def _paid(amount_minor: int) -> dict[str, Any]:
    return {"tender_id": "T1", "kind": "card", "amount_minor": amount_minor}


def test_a_file_of_sites_that_cannot_be_read_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    """With its place, before anything is asked for."""
    for text in ("{", '{"WH-1": {"name": "x"}}', '{"WH-1": {"name": "x", "address": []}}'):
        (tmp_path / "sites.json").write_text(text)
        with pytest.raises(SitesFileError, match="RMA_SITES_FILE"):
            run(settings, Event(), WorkerMetrics("labels"))
