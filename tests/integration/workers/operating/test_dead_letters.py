"""What people do about dead letters: each is sent again once, in order, or dropped for a reason that is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Final

import orjson
import psycopg
import pytest

from infra.kafka.clients import make_admin
from infra.kafka.topics import create_topics
from tests.support.pipeline import Pipeline, Polled, answer, headers, order, wait_for
from workers.operating.dead_letter import DeadLetter
from workers.operating.dead_letters import DeadLetters
from workers.operating.initialising import initialise
from workers.operating.status import read_status

ANN: Final = "agent:ann"
LETTERS: Final = 12
"""More than nine, so that an order by the letters of their ids is not that of their offsets."""

WRITERS_WAIT: Final = """
    SELECT pid FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND query LIKE '%dead_letter_actions%' AND datname = current_database()
"""


def broken(number: int, key: bytes = b"O-1") -> Polled:
    """Return a record that cannot be read, told from others by its body."""
    return Polled(orjson.dumps({"number": number}), headers("RegisterOrder", id=f"c-{number}"), key=key)


@pytest.fixture
def letters(pipeline: Pipeline) -> Iterator[DeadLetters]:
    """So many letters of one order, in the order of their numbers."""
    initialise(pipeline.settings)
    die(pipeline, *map(broken, range(LETTERS)))
    with closing(DeadLetters(pipeline.settings)) as opened:
        yield opened


def die(pipeline: Pipeline, *records: Polled) -> None:
    pipeline.publish(records)
    pipeline.handle_all(records=len(records))
    pipeline.relay_all()


def numbers(letters: list[DeadLetter] | list[Any]) -> list[int]:
    return [json.loads(letter.value or b"")["number"] for letter in letters]


def sent_again(pipeline: Pipeline) -> list[Any]:
    """Return what came to the topic of commands after the records that died."""
    return pipeline.read_topic(pipeline.topics.commands)[LETTERS:]


def test_letters_are_listed_newest_last_and_counted(pipeline: Pipeline, letters: DeadLetters) -> None:
    """The last so many, in the order in which they died."""
    assert numbers(letters.newest(100)) == list(range(LETTERS))
    assert numbers(letters.newest(3)) == [9, 10, 11]
    assert read_status(pipeline.settings).dead_letters == LETTERS


def test_redriven_letters_keep_their_order_and_leave_the_list(pipeline: Pipeline, letters: DeadLetters) -> None:
    """Named in whatever order, an order's records come again as they came first; the count goes down."""
    found = letters.newest(100)

    letters.redrive(reversed(found[:11]), actor=ANN)

    assert numbers(sent_again(pipeline)) == list(range(11))
    assert numbers(letters.newest(100)) == [11]
    assert numbers(letters.newest(100, acted_on_too=True)) == list(range(LETTERS))
    assert read_status(pipeline.settings).dead_letters == 1
    taken = letters.one(found[0].letter_id).taken
    assert taken is not None
    assert (taken.action, taken.actor, taken.reason) == ("redriven", ANN, None)


def test_what_was_sent_again_is_not_sent_once_more(pipeline: Pipeline, letters: DeadLetters) -> None:
    """Twice by one, and at once by several people: each record comes again once."""
    found = letters.newest(100)

    def redrive(_: int) -> int:
        with closing(DeadLetters(pipeline.settings)) as mine:
            return len(mine.redrive(found, actor=ANN))

    with ThreadPoolExecutor(4) as people:
        sent = list(people.map(redrive, range(4)))
    assert letters.redrive(found, actor=ANN) == []

    assert sorted(sent) == [0, 0, 0, LETTERS]
    assert numbers(sent_again(pipeline)) == list(range(LETTERS))


def test_whoever_is_stopped_between_sending_and_remembering_loses_nothing(
    pipeline: Pipeline, letters: DeadLetters
) -> None:
    """The letter still waits, so that it is sent once more rather than never."""
    [last] = letters.newest(1)
    with psycopg.connect(pipeline.dsn) as held, psycopg.connect(pipeline.dsn, autocommit=True) as looking:
        held.execute("LOCK TABLE rma_log.dead_letter_actions IN SHARE MODE")
        with ThreadPoolExecutor(1) as people:
            stopped = people.submit(letters.redrive, [last], actor=ANN)
            [(pid,)] = wait_for(lambda: looking.execute(WRITERS_WAIT).fetchall(), "the one who remembers")
            looking.execute("SELECT pg_terminate_backend(%s)", (pid,))
            with pytest.raises(psycopg.OperationalError):
                stopped.result()

    assert numbers(sent_again(pipeline)) == [11]
    with closing(DeadLetters(pipeline.settings)) as again:
        assert numbers(again.newest(1)) == [11]


def test_a_mended_letter_is_accepted_under_its_id(pipeline: Pipeline, letters: DeadLetters) -> None:
    """Its key and headers stay, its body is the right one; malformed had not used up the id."""
    [first, *_] = letters.newest(100)

    letters.redrive([first], actor=ANN, body=orjson.dumps(order()))
    pipeline.handle_all(records=1)

    [(result,)] = pipeline.log.connection.execute("SELECT result FROM rma_log.outcomes").fetchall()
    assert (answer(result)["status"], answer(result)["command_id"]) == ("accepted", "c-0")
    taken = letters.one(first.letter_id).taken
    assert taken is not None
    assert taken.action == "mended"


def test_a_dropped_letter_leaves_the_list_and_a_fact(pipeline: Pipeline, letters: DeadLetters) -> None:
    """Who, when and why stay on record for good; sent again with all others it is not, but it may be by name."""
    [first, *others] = letters.newest(100)

    assert letters.drop([first], actor=ANN, reason="a test of the shop's") == [first]
    assert letters.drop([first], actor="agent:bob", reason="again") == []

    assert numbers(letters.newest(100)) == list(range(1, LETTERS))
    assert read_status(pipeline.settings).dead_letters == LETTERS - 1
    dropped = letters.one(first.letter_id)
    assert dropped.taken is not None
    assert (dropped.taken.action, dropped.taken.actor, dropped.taken.reason) == ("dropped", ANN, "a test of the shop's")
    for change in ("UPDATE rma_log.dead_letter_actions SET actor = 'x'", "DELETE FROM rma_log.dead_letter_actions"):
        with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
            pipeline.log.connection.execute(change)

    assert letters.redrive([dropped], actor=ANN) == [dropped]
    assert numbers(sent_again(pipeline)) == [0]
    assert numbers(letters.newest(100)) == numbers(others)


def test_the_newest_are_found_behind_many_that_were_dealt_with(pipeline: Pipeline, letters: DeadLetters) -> None:
    """A bound on the list bounds what waits, not what is looked through; other orders' letters are beside them."""
    found = letters.newest(100)
    die(pipeline, broken(100, b"O-2"), broken(101, b"O-3"))
    letters.drop(found[1:], actor=ANN, reason="known")

    waiting = letters.newest(3)
    assert numbers(waiting)[:1] == [0]
    assert set(numbers(waiting)) == {0, 100, 101}


def test_letters_of_a_topic_made_anew_are_not_taken_for_the_old_ones(pipeline: Pipeline, letters: DeadLetters) -> None:
    """It gives the same places out again: what somebody did about the old letters is not done about the new."""
    letters.drop(letters.newest(100), actor=ANN, reason="old")
    letters.close()
    with closing(make_admin(pipeline.bootstrap)) as admin:
        admin.delete_topics([pipeline.topics.dead])
        wait_for(lambda: pipeline.topics.dead not in admin.list_topics(), "the topic to be gone")
        wait_for(lambda: pipeline.topics.dead in create_topics(admin, pipeline.topics), "the topic to be made anew")
    die(pipeline, broken(50))

    with closing(DeadLetters(pipeline.settings)) as anew:
        assert numbers(anew.newest(100)) == [50]
        assert read_status(pipeline.settings).dead_letters == 1


def test_auditors_see_who_dropped_what_and_why(pipeline: Pipeline, letters: DeadLetters) -> None:
    """In a view of the contract, which nobody can write to."""
    letters.drop(letters.newest(1), actor=ANN, reason="a test of the shop's")

    seen = pipeline.log.connection.execute(
        "SELECT topic, action, actor, reason FROM rma_read.dead_letter_actions"
    ).fetchall()
    assert seen == [(pipeline.topics.dead, "dropped", ANN, "a test of the shop's")]
