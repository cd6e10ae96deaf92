"""A customer who is named by his e-mail address: no erasure reaches that, and whoever runs the system hears of it."""

from __future__ import annotations

import pytest
import structlog

from infra.metrics import WorkerMetrics
from projections.read_models import projection_named
from tests.support.pipeline import Pipeline, command, order
from workers.operating.doctor import checks
from workers.operating.initialising import initialise

ADDRESS = "anna@shop.example"


@pytest.mark.parametrize(("customer_id", "is_address"), [(ADDRESS, True), ("C-1", False)])
def test_an_address_as_a_customers_id_is_counted_and_warned_of(
    pipeline: Pipeline, customer_id: str, is_address: bool
) -> None:
    """By the worker, which does not repeat it, and by `rma doctor`; the order is taken all the same."""
    initialise(pipeline.settings)
    metrics = WorkerMetrics("commands")
    with structlog.testing.capture_logs() as logs:
        pipeline.worker(metrics=metrics).record([command("RegisterOrder", order(customer_id=customer_id))])
    pipeline.relay_all()
    pipeline.project(projection_named("refund_ledger"), records=1)

    assert metrics.registry.get_sample_value("rma_address_ids_total", {"worker": "commands"}) == is_address
    assert ("customer_ids_are_addresses" in {line["event"] for line in logs}) is is_address
    assert ADDRESS not in str(logs)
    [told] = [check for check in checks(pipeline.settings) if check.name == "customers' ids"]
    assert ("e-mail addresses: no erasure reaches them" in told.found) is is_address
