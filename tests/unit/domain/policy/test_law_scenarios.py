"""The scenarios of the law, one an article, played in memory: last day in, first day out, in the country's own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest

from domain.policy.statutes import Statute, edition_numbered
from domain.policy.windows import SATURDAY
from tests.support.law_cases import LAST_EDITION, RIGHTS, SECOND, ShopWithHolidays
from tests.support.shop import RMA_ID
from workers.trials.scenario.files import read_scenario

SCENARIOS: Final = sorted((Path(__file__).parents[3] / "law_scenarios").glob("*.yaml"))
ENDING: Final = [right for right in RIGHTS if not right.endless]
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


@dataclass(frozen=True)
class Walk:
    """What a scenario of an article goes through: an order, its delivery, requests, the last two a second apart."""

    right: Statute
    country: str
    delivered_at: datetime
    requested_at: list[datetime]

    @property
    def zones(self) -> list[ZoneInfo]:
        return [ZoneInfo(name) for name in self.right.zones[self.country]]


def walk_of(right_id: str) -> Walk:
    """Return what the scenario of a right goes through."""
    path = next(path for path in SCENARIOS if path.stem == right_id.replace(".", "_"))
    sent: dict[str, list[tuple[datetime, dict[str, Any]]]] = {}
    for raw in read_scenario(path).steps:
        step = raw.model_dump(mode="json", exclude_none=True)
        if "send" in step:
            at = datetime.fromisoformat(step["at"]).astimezone(UTC)
            sent.setdefault(step["send"], []).append((at, step["data"]))
    [(ordered_at, order)] = sent["RegisterOrder"]
    [(delivered_at, _)] = sent["RecordDelivery"]
    rights = edition_numbered(LAST_EDITION).law(order["country"], ordered_at).rights
    right = next(one for one in rights if one.id == right_id)
    return Walk(right, order["country"], delivered_at, [at for at, _ in sent["RequestReturn"]])


def test_every_article_has_a_scenario() -> None:
    """One for each right of the newest edition, by its name, which cites its article; some have a further one."""
    by_name = {path.stem: path.read_text() for path in SCENARIOS}
    articles = {right.id.replace(".", "_"): right.article for right in edition_numbered(LAST_EDITION).rights}
    assert articles.keys() <= by_name.keys()
    assert [name for name, article in articles.items() if article not in by_name[name]] == []


@pytest.mark.parametrize("right_id", sorted({right.id for right in ENDING}))
def test_a_scenario_walks_the_last_second_in_and_the_first_one_out(right_id: str) -> None:
    """Midnight in one of the country's own zones; over a change of clocks where one has any, on to a weekday if so."""
    walk = walk_of(right_id)
    last_in, first_out = walk.requested_at[-2:]
    assert first_out - last_in == SECOND
    ending = [zone for zone in walk.zones if first_out.astimezone(zone).time() == time()]
    assert ending
    years = range(walk.delivered_at.year, first_out.year + 1)
    changing = [zone for zone in walk.zones if any(changes_clocks(zone, year) for year in years)]
    offsets = [
        (walk.delivered_at.astimezone(zone).utcoffset(), first_out.astimezone(zone).utcoffset()) for zone in changing
    ]
    assert not changing or any(before != after for before, after in offsets)
    last_day, delivered_on = last_in.astimezone(ending[0]).date(), walk.delivered_at.astimezone(ending[0]).date()
    if walk.right.rolls:
        assert last_day - delivered_on > timedelta(days=walk.right.days or 0)
        assert last_day.weekday() < SATURDAY


def changes_clocks(zone: ZoneInfo, year: int) -> bool:
    """Tell whether the clocks of a zone change in a year."""
    return len({datetime(year, month, 1, tzinfo=zone).utcoffset() for month in range(1, 13)}) > 1


@pytest.mark.parametrize("right_id", sorted({right.id for right in RIGHTS if right.endless}))
def test_a_right_without_an_end_is_walked_months_on(right_id: str) -> None:
    """There is no first day out."""
    walk = walk_of(right_id)
    assert walk.requested_at[-1] - walk.delivered_at > timedelta(days=200)
