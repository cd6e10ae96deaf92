"""Trials leave the system in use as it was: they play in one made for them, which is gone afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.addresses import addresses, postgres_address
from infra.kafka.clients import make_admin
from infra.kafka.topic_reader import TopicReader
from infra.kafka.topics import TopicNames
from infra.settings import Settings
from tests.support.command_line import invoke
from tests.support.pipeline import environment, wait_for
from tests.support.whole_system import working
from workers.cli.exit_codes import DONE, SAID_NO
from workers.operating.initialising import initialise
from workers.trials.sandbox import at_work, sandbox

FIRST_STEP: Final = Path(__file__).parents[3] / "scenarios" / "step_1_request.yaml"


def rows(settings: Settings, query: str) -> list[Any]:
    with psycopg.connect(postgres_address(settings)) as connection:
        return connection.execute(query.encode()).fetchall()


def traces(settings: Settings, name: str) -> set[tuple[str, str]]:
    """Return the databases, topics and consumer groups whose names begin so, each with its kind."""
    with closing(make_admin(addresses(settings).kafka_bootstrap)) as admin:
        names = {
            "database": [row[0] for row in rows(settings, "SELECT datname FROM pg_database")],
            "topic": admin.list_topics(),
            "group": [group["group_id"] for group in admin.list_groups()],
        }
    return {(kind, found) for kind, many in names.items() for found in many if found.startswith(name)}


def records(settings: Settings) -> int:
    """Return how many records all topics of a system hold."""
    names = TopicNames(settings.topic_prefix)
    total = 0
    for topic in (names.commands, names.events, names.results, names.dead):
        with closing(TopicReader(addresses(settings).kafka_bootstrap, topic)) as reader:
            total += sum(reader.ends().values())
    return total


@pytest.fixture
def in_use(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A system without workers, to which the environment leads."""
    initialise(settings)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    return settings


def test_scenarios_leave_the_system_in_use_as_it_was(in_use: Settings) -> None:
    """No event, no record, no policy; and no worker of its own is needed, for theirs come along."""
    played = invoke("scenario", "run", str(FIRST_STEP))

    assert played.exit_code == DONE, played.output
    assert "1 passed, 0 failed" in played.stdout
    assert "a database and topics of their own" in played.stderr
    assert records(in_use) == 0
    assert rows(in_use, "SELECT count(*) FROM rma_log.events") == [(0,)]


def test_scenarios_are_played_in_the_running_system_for_who_says_so(in_use: Settings) -> None:
    """With --here all that they say stays, as any client's commands do."""
    with working(in_use):
        played = invoke("scenario", "run", str(FIRST_STEP), "--here")

    assert played.exit_code == DONE, played.output
    assert records(in_use) > 0
    assert rows(in_use, "SELECT count(*) > 0 FROM rma_log.events") == [(True,)]


def test_what_was_made_for_a_trial_is_gone_however_it_ends(settings: Settings) -> None:
    """Database, topics and what Kafka remembers of readers: while it lasts they are there, then no more."""
    made: set[tuple[str, str]] = set()

    def play(own: Settings) -> None:
        name = own.topic_prefix.removesuffix(".")
        wait_for(lambda: ("group", f"{name}.rma.commands") in traces(own, name), "the worker to join its group")
        made.update(traces(own, name))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), sandbox(settings, "gone") as own, at_work(own, ["commands"]):
        play(own)

    name = own.topic_prefix.removesuffix(".")
    assert {("database", name), ("topic", f"{name}.rma.events"), ("group", f"{name}.rma.commands")} < made
    wait_for(lambda: traces(settings, name) == set(), "all of it to be gone")


@contextmanager
def login_without_rights(settings: Settings) -> Iterator[str]:
    """Yield a connection string whose login may connect and no more."""
    name, password = f"plain_{secrets.token_hex(4)}", secrets.token_hex(16)
    identifier, conninfo = sql.Identifier(name), postgres_address(settings)
    with psycopg.connect(conninfo, autocommit=True) as server:
        server.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(identifier, sql.Literal(password)))
        try:
            yield make_conninfo(conninfo, user=name, password=password)
        finally:
            server.execute(sql.SQL("DROP ROLE {}").format(identifier))


def test_a_login_that_may_not_create_databases_is_told_what_to_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line: what was refused, which right it needs, and the other way."""
    with login_without_rights(settings) as plain:
        for name, value in (environment(settings) | {"RMA_POSTGRES_DSN": plain}).items():
            monkeypatch.setenv(name, value)
        played = invoke("scenario", "run", str(FIRST_STEP))

    assert (played.exit_code, played.stdout) == (SAID_NO, "")
    assert played.stderr.count("\n") == 1
    for part in ("permission denied to create database", "CREATEDB", "rma scenario run --here"):
        assert part in played.stderr
