"""A broker that asks who somebody is, over each of three ways in: what may be done is done, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg
import pytest
from kafka.errors import KafkaError
from pydantic import SecretStr

from infra.addresses import addresses, postgres_address
from infra.kafka.clients import make_admin, make_producer
from infra.kafka.command_client import OutgoingCommand, conversation
from infra.kafka.topics import TopicNames
from infra.probes import kafka_answers
from infra.readiness import services_away
from infra.settings import Settings
from tests.conftest import STACKS, VAULT_KEY
from tests.integration.workers.cli.test_passwords import at_work, command_lines
from tests.support.pipeline import order, wait_for
from tests.support.secure_kafka import SecureKafka, password_of, secure_kafka
from tests.support.worker_threads import running
from workers.operating.initialising import initialise
from workers.registry import worker_named
from workers.runtime.clock import utc_now

ANONYMOUS: Final = "ANONYMOUS"
"""What the broker calls a client that shows neither a certificate nor a name."""


@pytest.fixture(scope="module")
def kafka() -> Iterator[SecureKafka]:
    with secure_kafka(STACKS / f"secure-{uuid4().hex[:8]}") as made:
        yield made


def of(kafka: SecureKafka, dsn: str, prefix: str, how: str, user: str = "admin") -> Settings:
    return Settings(
        postgres_dsn=SecretStr(dsn),
        topic_prefix=prefix,
        partitions=2,
        log_format="json",
        vault_key=SecretStr(VAULT_KEY),
        **kafka.settings(how, user),
    )


def takes_effect(shop: Settings, workers: dict[str, Settings]) -> None:
    """Send a command, get its answer, and see the read model show what it did."""
    order_id = f"O-{uuid4().hex[:8]}"
    command = OutgoingCommand(
        "RegisterOrder", uuid4().hex, "/shop", order_id, utc_now(), "system:shop", order(order_id)
    )
    runs = [lambda _, stop, name=name, own=own: worker_named(name).run(own, stop) for name, own in workers.items()]
    with running(shop, *runs):
        with conversation(shop) as talk:
            assert talk.ask(command.to_record())["status"] == "accepted"
        with closing(psycopg.connect(postgres_address(shop), autocommit=True)) as connection:
            wait_for(
                lambda: connection.execute("SELECT 1 FROM rma_read.orders WHERE order_id = %s", (order_id,)).fetchone(),
                "the read model to show the order",
            )


@pytest.mark.parametrize("how", ["tls", "mtls", "scram"])
def test_a_whole_slice_works(kafka: SecureKafka, postgres_dsn: str, how: str) -> None:
    """Init, a command, its answer, the relay and a read model: encrypted, with a certificate, with a password."""
    prefix = f"{how}{uuid4().hex[:6]}."
    if how == "tls":
        kafka.allow(ANONYMOUS, "ALL", "TOPIC", prefix, prefixed=True)
        kafka.allow(ANONYMOUS, "ALL", "GROUP", prefix, prefixed=True)
    settings = of(kafka, postgres_dsn, prefix, how)
    initialise(settings)

    takes_effect(settings, dict.fromkeys(("commands", "relay", "refund_ledger"), settings))
    where = addresses(settings).kafka_bootstrap
    assert kafka_answers(where)
    assert services_away(postgres_dsn, where) == []
    assert services_away(postgres_dsn, str(where)) == ["Kafka"], "in plain text nobody answers"


def allow_each_its_own(kafka: SecureKafka, prefix: str) -> None:
    """Give each user what the page on closing a deployment says that it needs."""
    names = TopicNames(prefix)
    for user in ("shop", "commands", "relay", "refund_ledger"):
        kafka.allow(user, "DESCRIBE DESCRIBE_CONFIGS", "TOPIC", f"{prefix}rma.", prefixed=True)
    kafka.allow("shop", "WRITE", "TOPIC", names.commands)
    kafka.allow("shop", "READ", "TOPIC", names.results)
    kafka.allow("commands", "READ", "TOPIC", names.commands)
    for topic in (names.events, names.results, names.dead):
        kafka.allow("relay", "WRITE", "TOPIC", topic)
    for user in ("commands", "relay", "refund_ledger"):  # each looks at the topic's last records when it starts
        kafka.allow(user, "READ", "TOPIC", names.events)
    kafka.allow("commands", "READ", "GROUP", f"{prefix}rma.commands")
    kafka.allow("refund_ledger", "READ", "GROUP", f"{prefix}rma.refund_ledger.", prefixed=True)


def test_each_does_its_own_and_nothing_else(kafka: SecureKafka, postgres_dsn: str) -> None:
    """Sources write commands alone, the relay events, answers and dead letters alone; with that, everything works."""
    prefix = f"acl{uuid4().hex[:6]}."
    names = TopicNames(prefix)
    each = {
        user: of(kafka, postgres_dsn, prefix, "scram", user) for user in ("shop", "commands", "relay", "refund_ledger")
    }
    initialise(of(kafka, postgres_dsn, prefix, "scram"))
    allow_each_its_own(kafka, prefix)

    takes_effect(each["shop"], {name: each[name] for name in ("commands", "relay", "refund_ledger")})

    may_write = {"shop": {names.commands}, "relay": {names.events, names.results, names.dead}}
    for user, settings in each.items():
        written = {topic for topic in names.all if writes(settings, topic)}
        assert written == may_write.get(user, set()), user


def writes(settings: Settings, topic: str) -> bool:
    """Tell whether the broker takes a record from somebody; it is malformed, and harms nobody."""
    with closing(make_producer(addresses(settings).kafka_bootstrap, "none")) as producer:
        try:
            producer.send(topic, b"{}").get(timeout=30)
        except KafkaError as refused:  # who may write nowhere at all is refused before it comes to a topic
            if "AuthorizationFailed" not in repr(refused):
                raise
            return False
    return True


@pytest.mark.parametrize("wrong", ["password", "authority", "certificate"])
def test_who_cannot_show_who_he_is_comes_to_nothing(kafka: SecureKafka, postgres_dsn: str, wrong: str) -> None:
    """A wrong password, a broker that nobody vouches for, no certificate: refused, and no password in what is said."""
    settings = of(kafka, postgres_dsn, "x.", "scram", "shop")
    match wrong:
        case "password":
            settings = settings.model_copy(update={"kafka_security_password": SecretStr(password_of("relay"))})
        case "authority":
            settings = settings.model_copy(update={"kafka_security_ca_file": None})
        case "certificate":
            settings = of(kafka, postgres_dsn, "x.", "tls").model_copy(update={"kafka_bootstrap": kafka.mtls})

    where = addresses(settings).kafka_bootstrap
    assert not kafka_answers(where)
    with pytest.raises(KafkaError) as refused:
        make_admin(where).list_topics()
    assert "canary-of" not in f"{refused.value!r} {refused.getrepr()} {settings!r} {where!r}"


def says(file: Path, word: str) -> bool:
    return word in file.read_text()


def test_no_worker_shows_its_password(kafka: SecureKafka, postgres_dsn: str, tmp_path: Path) -> None:
    """At work and refused by the broker, at every level of the log; `ps` shows none while it runs."""
    prefix = f"ps{uuid4().hex[:6]}."
    settings = of(kafka, postgres_dsn, prefix, "scram").model_copy(update={"log_level": "debug"})
    initialise(settings)
    canary = password_of("shop")
    refused = settings.model_copy(update={"kafka_security_password": SecretStr(canary)})
    for own, shows in ((settings, "relay_leads"), (refused, "service_away")):
        said = tmp_path / shows
        with at_work(own, said, "relay"):
            wait_for(partial(says, said, shows), shows)
            assert not [line for line in command_lines() if canary in line or password_of("admin") in line]
        assert "canary-of" not in said.read_text()
