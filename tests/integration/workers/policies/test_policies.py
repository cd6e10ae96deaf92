"""`rma policy`: versions from the log, checks before publishing, and every decision made again."""

from __future__ import annotations

import copy
from pathlib import Path

import orjson
import psycopg
import pytest

from infra.settings import Settings
from tests.support.command_line import invoke
from tests.support.decided_log import DOCUMENT, decide_some, publication
from tests.support.pipeline import Pipeline, command, environment, order
from tests.support.whole_system import working
from workers.policies.history import PAGE_EVENTS_MAX, decided_returns
from workers.policies.published import read_policies
from workers.policies.verifying import Verified, verify

ORDERS = 40


@pytest.fixture
def shop(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Forty orders with decisions of every kind."""
    decide_some(pipeline, ORDERS)
    for name, value in environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    return pipeline


def verified(shop: Pipeline) -> Verified:
    return verify(decided_returns(shop.log, shop.codec), read_policies(shop.log, shop.codec), lambda _: None)


def recorded_decisions(shop: Pipeline) -> int:
    kinds = ("Authorized", "Denied", "ReviewAsked")
    events = [event for event in shop.log.read(0, 10_000) if event.type.split(".")[2] in kinds]
    assert {event.type.split(".")[2] for event in events} == set(kinds)
    return sum(len(orjson.loads(event.body)["lines"]) for event in events)


def test_every_recorded_decision_comes_out_again(shop: Pipeline) -> None:
    """All decisions of the log, corrected ones too, are made again, and their events are the same bytes."""
    found = verified(shop)

    assert (found.decisions, found.differences) == (recorded_decisions(shop), [])
    assert found.decisions > ORDERS


@pytest.mark.parametrize(
    ("stored", "other", "told"),
    [
        ('"outcome":"deny"', '"outcome":"approve"', '$.outcome: stored "approve", now "deny"'),
        ('"trace":[', '"trace":[ ', "the same values, but other bytes"),
        ('"ordered_at":"2026', '"ordered_at":"26', "it cannot be read"),
        ('"trace":[{"kind"', '"trace":[{"kind', "it cannot be read"),
    ],
)
def test_a_decision_that_differs_is_found(shop: Pipeline, stored: str, other: str, told: str) -> None:
    """One event changed behind the log's back is the one difference, by stream and path; exit code 1."""
    with psycopg.connect(shop.dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE rma_log.events DISABLE TRIGGER events_never_change")
        [(stream,)] = connection.execute(
            "UPDATE rma_log.events SET body = convert_to(replace(convert_from(body, 'UTF8'), %s, %s), 'UTF8')"
            " WHERE position = (SELECT min(position) FROM rma_log.events WHERE type = 'rma.Rma.Denied.v1')"
            " RETURNING stream",
            (stored, other),
        ).fetchall()

    [difference] = verified(shop).differences
    ran = invoke("policy", "verify", "--json")

    assert difference.stream == stream
    assert difference.what.startswith(told)
    assert (ran.exit_code, orjson.loads(ran.stdout)["differing"]) == (1, 1)


def test_policies_are_read_however_many_there_are(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are loaded with one query: none is left out, none of another stream is taken for one."""
    monkeypatch.setattr("workers.policies.published.POLICIES_AT_ONCE", 2)
    names = ["a", "b-1", "b~2", "standard", "z"]
    records = [command("RegisterOrder", order())]
    published = {"effective_from": "2020-01-01T00:00:00Z", "document": DOCUMENT}
    records += [command("PublishPolicy", {"policy_id": name, **published}, key=name.encode()) for name in names]
    pipeline.worker().record(records)

    assert list(read_policies(pipeline.log, pipeline.codec)) == sorted(names)


def test_a_version_that_is_not_the_pinned_one_is_found(shop: Pipeline) -> None:
    """Decisions whose policy version is not in the log can't be verified, and count as differing."""
    found = verify(decided_returns(shop.log, shop.codec), {}, lambda _: None)

    assert found.differing > 0
    assert found.differences[0].what == "the policy version it was decided by is not in the log"


def test_pages_do_not_matter(shop: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in pages of three events, the history is the one that is read in one page."""
    assert len(shop.log.read(0, 10_000)) < PAGE_EVENTS_MAX
    whole = [(one.stream, one.events) for one in decided_returns(shop.log, shop.codec)]
    monkeypatch.setattr("workers.policies.history.PAGE_EVENTS_MAX", 3)

    assert [(one.stream, one.events) for one in decided_returns(shop.log, shop.codec)] == whole
    assert len(whole) == ORDERS


def test_versions_are_listed_shown_and_compared(shop: Pipeline) -> None:
    """Every version stands with its number, hash and instant; two of them, or the newest, can be looked at."""
    wider = copy.deepcopy(DOCUMENT)
    wider["window"]["days"] = 60
    shop.worker().record([publication(wider, since="2027-01-01T00:00:00Z")])

    listed = orjson.loads(invoke("policy", "list", "--json").stdout)
    newest = orjson.loads(invoke("policy", "show", "--json").stdout)
    first = orjson.loads(invoke("policy", "show", "standard@1", "--json").stdout)
    compared = invoke("policy", "diff", "1", "2")

    assert [(one["policy_id"], one["version"]) for one in listed] == [("standard", 1), ("standard", 2)]
    assert (newest["version"], newest["document"]["window"]["days"]) == (2, 60)
    assert (first["hash"], first["document"]["window"]["days"]) == (listed[0]["hash"], 30)
    assert compared.output == "~ window.days: 30 → 60\n"
    assert invoke("policy", "show", "3").exit_code == 1
    assert "versions 1 to 2" in invoke("policy", "show", "3").output
    assert invoke("policy", "show", "--policy", "none").exit_code == 1


def test_a_document_is_checked_before_it_is_published(tmp_path: Path) -> None:
    """Faults are named by their path, a rule that never matters by what shadows it; a sound document passes."""
    file = tmp_path / "draft.json"
    shadowed = copy.deepcopy(DOCUMENT)
    shadowed["rules"].append(shadowed["rules"][1] | {"name": "gold-again"})
    said = {}
    for name, document in {
        "sound": DOCUMENT,
        "faulty": {"window": {"days": -1}, "colour": "red"},
        "shadowed": shadowed,
    }.items():
        file.write_bytes(orjson.dumps(document))
        said[name] = invoke("policy", "check", str(file))
    file.write_text("{")

    assert [said[name].exit_code for name in ("sound", "faulty", "shadowed")] == [0, 1, 1]
    assert "$.window.days" in said["faulty"].output
    assert "$.colour" in said["faulty"].output
    assert "policy_rule_unreachable: rules[2]: gold-again" in said["shadowed"].output
    assert invoke("policy", "check", str(file)).exit_code == 2


def test_a_version_is_published_from_a_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`rma policy publish` sends the command and prints the answer; what the system refuses ends with exit code 1."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "policy.json"
    file.write_bytes(orjson.dumps(DOCUMENT))
    publish = ("policy", "publish", str(file), "--as", "agent:Ann", "--from", "2026-01-01T00:00:00Z")
    with working(settings):
        first, again = invoke(*publish), invoke(*publish)

    assert (first.exit_code, again.exit_code) == (0, 1)
    assert "ReturnPolicy.Published" in first.output
    assert "policy_effective_date" in again.output
