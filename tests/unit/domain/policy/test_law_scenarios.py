"""The scenarios of the law, one an article, played in memory: last day in, first day out, in the country's own zone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

import pytest

from domain.policy.statutes import edition_numbered
from tests.support.law_cases import LAST_EDITION, ShopWithHolidays
from tests.support.shop import RMA_ID
from workers.trials.scenario.files import read_scenario

SCENARIOS: Final = sorted((Path(__file__).parents[3] / "law_scenarios").glob("*.yaml"))
NAMES: Final = {"${policy}": "mean", "${order}": "O-1"}


def filled(value: Any) -> Any:
    """Return a value with its placeholders replaced."""
    if isinstance(value, dict):
        return {key: filled(one) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one) for one in value]
    if isinstance(value, str) and value.startswith("${rma"):
        return str(uuid5(RMA_ID, value))
    return NAMES.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_of_the_law_comes_out(path: Path) -> None:
    """Outcome, codes, and the rights that had a say."""
    shop = ShopWithHolidays()
    for raw in read_scenario(path).steps:
        step = filled(raw.model_dump(mode="json", exclude_none=True))
        if "send" in step:
            at = datetime.fromisoformat(step["at"])
            shop.send(step["send"], step["data"], actor=step["actor"], at=at)
        else:
            decision = shop.decision_on(UUID(step["where"]["rma_id"]))
            (row,) = step["rows"]
            assert {name: list(v) if isinstance(v := getattr(decision, name), tuple) else v for name in row} == row


def test_every_article_has_a_scenario() -> None:
    """One for each right of the newest edition, by its name; some have a further one."""
    names = {right.id.replace(".", "_") for right in edition_numbered(LAST_EDITION).rights}
    assert names <= {path.stem for path in SCENARIOS}
