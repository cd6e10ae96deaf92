"""Editions of the law: what cannot be law is refused by its place; a decision says which edition it was made under."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import pytest

from domain.policy.decision import Decision
from domain.policy.evaluate import decide
from domain.policy.statute_book import StatuteBook
from domain.policy.statutes import EDITIONS, FIRST, NEWEST, Law, edition_numbered, law_for
from domain.policy.statutes.editions import Edition, edition_of
from domain.policy.statutes.errors import StatutesRefusedError
from domain.policy.verify import decided_again
from tests.support.policy_cases import a_document, facts_of
from tests.support.refusals import refused, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import day

RIGHT: dict[str, Any] = {
    "id": "gb.cancellation",
    "title": "Cancellation",
    "countries": ["GB"],
    "valid_from": "2014-06-13",
    "valid_to": "2020-01-31",
    "citations": ["SI 2013/3134, reg. 29(1)"],
    "anchor": "order_delivered",
    "days": 14,
    "reasons": None,
    "grants": ["refund"],
}
FILE: dict[str, Any] = {
    "jurisdiction": "GB",
    "name": "United Kingdom",
    "counted_in": "own_zones",
    "zones": {"GB": ["Europe/London"]},
    "rights": [RIGHT],
}
HASHES = [
    (FIRST, "f1cc6c3e4e7bb57d1d434552071627e2a3d08b4c3d5ebebcb7781a28c09c6feb"),
    (2, "20deb3bcaa48de5768a9c347ac951a74c0d1d45266f642dba5570b353689c1e0"),
    (3, "4fda20c3586b73fe9afde7261ca8b203fc3ed0b9f887a99613ad95a55613c89f"),
    (4, "946b168aa4b0f12257530d72904e6de7465f5e115c5d19c868be1a29bca204b1"),
    (5, "a77bfca443dcaa6fd745a223ce678dcbd21b88879d76cbae5e4f44ec0557c8db"),
    (6, "4cbff3ffdfdad8c7d5b84ad7228f026de0374544233307639d4bb2f94daaa097"),
    (7, "302d13b862f26b60e9c4da220f571d6abacbed1d9ff9100890266d773e59e7c3"),
]


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """Return the file with one place of it changed."""
    file = copy.deepcopy(FILE)
    place: Any = file
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return file


@pytest.mark.parametrize(("edition", "content_hash"), HASHES)
def test_an_edition_is_for_ever(edition: int, content_hash: str) -> None:
    """Decisions were made under it: not a byte of what it says may change; what is to change is another edition's."""
    assert edition_numbered(edition).hash == content_hash


def test_every_edition_is_sound_and_has_a_hash_of_its_own() -> None:
    """Each is read with all its checks; the numbers go up."""
    editions = [edition_numbered(number) for number in EDITIONS]
    assert len({edition.hash for edition in editions}) == len(editions)
    assert sorted(EDITIONS) == list(EDITIONS)
    assert EDITIONS[-1] == NEWEST
    with pytest.raises(LookupError):
        edition_numbered(NEWEST + 1)


def test_a_file_says_what_holds_for_all_its_rights() -> None:
    """Zones come from the file; a right without countries is law wherever the file's zones are."""
    plain = changed(("rights", 0, "countries"), [])
    (right,) = edition_of(9, {"gb.json": plain}).rights
    assert (right.jurisdiction, set(right.countries)) == ("GB", {"GB"})
    assert right.zones == {"GB": ("Europe/London",)}


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("rights", 0, "citations"), [], "$.rights[0].citations"),
        (("rights", 0, "citations"), [""], "$.rights[0].citations[0]"),
        (("rights", 0, "valid_to"), "2014-06-12", "$.rights[0]"),
        (("rights", 0, "days"), None, "$.rights[0]"),
        (("rights", 0, "years"), 2, "$.rights[0]"),
        (("rights", 0, "count"), "business days", "$.rights[0].count"),
        (("rights", 0, "grant"), ["refund"], "$.rights[0].grant"),
        (("rights", 0, "countries"), ["GB", "QQ"], "$.rights[0].countries"),
        (("rights", 0, "countries"), ["IE"], "$.rights[0].countries"),
        (("jurisdiction",), "XX", "$.jurisdiction"),
        (("zones",), {"GB": ["Europe/Londinium"]}, "$.zones.GB[0]"),
        (("zones",), {"GB": []}, "$.zones.GB"),
        (("zones",), {"GB": ["Europe/London"], "XX": ["UTC"]}, "$.zones.XX"),
        (("rights",), [RIGHT, {**RIGHT, "valid_from": "2020-01-31", "valid_to": None}], "$.rights[1].valid_from"),
    ],
)
def test_what_cannot_be_law_is_refused_by_its_place(path: tuple[str | int, ...], value: Any, place: str) -> None:
    """No citation, no such country or zone, an end before its beginning, two at once under one name."""
    with pytest.raises(StatutesRefusedError) as refusal:
        edition_of(9, {"gb.json": changed(path, value)})
    assert refusal.value.path == f"gb.json:{place}"


def test_one_right_may_follow_another_under_one_name() -> None:
    """The day after the last of the one is the first of the other."""
    second = {**RIGHT, "valid_from": "2020-02-01", "valid_to": None, "days": 30}
    edition = edition_of(9, {"gb.json": changed(("rights",), [RIGHT, second])})
    days = [edition.law("GB", datetime(2020, month, 1, tzinfo=UTC)).rights[0].days for month in (1, 2)]
    assert days == [14, 30]


def an_edition(number: int) -> Edition:
    return edition_of(number, {"gb.json": changed(("rights", 0, "valid_to"), None)})


def test_a_decision_says_under_which_edition_it_was_made() -> None:
    """Number and hash; under the first one nothing is said, for decisions from before say nothing."""
    line = facts_of(country="GB")
    first, later = (decide(a_document(), law, line) for law in (law_for("GB", line.ordered_at), of_an_edition()))
    assert "law" not in json.loads(first.model_dump_json())
    assert json.loads(later.model_dump_json())["law"] == {"edition": 9, "hash": an_edition(9).hash}
    assert Decision.model_validate_json(later.model_dump_json()) == later


def of_an_edition() -> Law:
    return an_edition(9).law("GB", facts_of().ordered_at)


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("country", ["US", "DE", "CN", "GB", "JP"])
def test_a_decision_comes_out_again_under_its_own_edition(country: str, edition: int) -> None:
    """From its stored bytes alone."""
    line = facts_of(country=country)
    stored = decide(a_document(), law_for(country, line.ordered_at, edition), line).model_dump_json()
    facts = Decision.model_validate_json(stored).facts
    assert decided_again(facts, a_document(), edition).model_dump_json() == stored


def published(edition: int, effective_from: datetime) -> dict[str, Any]:
    return {"edition": edition, "effective_from": effective_from.isoformat()}


def test_an_edition_is_published_once() -> None:
    """Told again as it was it is no second one; from another instant on it is refused."""
    shop = Shop()
    (fact,) = shop.send("PublishStatutes", published(1, day(0)), actor="agent:A1", at=day(0))
    assert (names([fact]), fact.originator_id) == (["Published"], "statutes/published")

    unchanged(shop, "PublishStatutes", published(1, day(0)), at=day(1))
    again = published(1, day(2))
    refused(shop, "edition_published", "PublishStatutes", again, at=day(1), path="$.edition", edition=1)


def test_editions_follow_each_other() -> None:
    """A later edition takes effect later; an older one comes too late, and so does an earlier instant."""
    shop = with_first()
    no_later = published(2, day(0))
    refused(shop, "edition_effective_date", "PublishStatutes", no_later, at=day(1), path="$.effective_from", edition=1)
    assert names(shop.send("PublishStatutes", published(2, day(5)), at=day(1))) == ["Revised"]
    unchanged(shop, "PublishStatutes", published(1, day(0)), at=day(2))

    younger = Shop()
    younger.send("PublishStatutes", published(2, day(5)), at=day(0))
    refused(younger, "edition_older", "PublishStatutes", published(1, day(6)), at=day(1), path="$.edition", newest=2)


def test_a_request_is_decided_under_the_newest_edition_in_effect() -> None:
    """Before the first one takes effect it is edition 1, whatever was published."""
    book = StatuteBook.publish(2, day(5), at=day(0))
    assert [book.edition_for(at) for at in (day(4), day(5), day(6))] == [1, 2, 2]


def test_an_edition_that_there_is_not_is_refused() -> None:
    """With those there are."""
    for shop in (Shop(), with_first()):
        refused(
            shop,
            "unknown_edition",
            "PublishStatutes",
            published(99, day(0)),
            at=day(0),
            path="$.edition",
            editions=list(EDITIONS),
        )


def with_first() -> Shop:
    shop = Shop()
    shop.send("PublishStatutes", published(1, day(0)), at=day(0))
    return shop


def test_files_are_readable_json() -> None:
    """Two spaces, as they were checked in: what a lawyer reads is what was hashed."""
    for number in EDITIONS:
        folder = resources.files("domain.policy.statutes").joinpath(f"edition_{number}")
        assert all(json.loads(file.read_text("utf-8"))["rights"] for file in folder.iterdir())
