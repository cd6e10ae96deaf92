"""`rma doctor --security`: what stands open is named with what closes it, and a closed deployment has nothing open."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from infra.addresses import postgres_address
from infra.settings import Settings
from workers.operating.initialising import initialise
from workers.operating.open_doors import open_doors
from workers.runtime.supervisor import command_line


def opened(settings: Settings) -> set[str]:
    return {check.name for check in open_doors(settings) if not check.ok}


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    """Files that a closed deployment has, of this user alone."""
    made = {name: tmp_path / name for name in ("sources_file", "audit_key_file")}
    made["sources_file"].write_text("/shop: {actors: [system]}")
    made["audit_key_file"].write_text("key")
    for file in made.values():
        file.chmod(0o600)
    return made


def closed(settings: Settings, keys: dict[str, Path], **more: Any) -> Settings:
    given: dict[str, Any] = {
        "postgres_roles": True,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_security_username": "commands",
        "kafka_security_password": SecretStr("pw"),
        **keys,
        **more,
    }
    return settings.model_copy(update=given)


def test_what_nobody_closed_is_open(settings: Settings, tmp_path: Path) -> None:
    """As a system is after its first start: a superuser, no roles, no TLS, no names, any source; it fails."""
    initialise(settings)
    assert opened(settings) == {"PostgreSQL login", "roles", "Kafka TLS", "Kafka login", "sources"}

    ran = subprocess.run(  # noqa: S603 - our own command line
        command_line("doctor", "--security", "--json"),
        env={**os.environ, **settings.as_environment()},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 1
    told = json.loads(ran.stdout)
    assert {check["name"] for check in told if not check["ok"]} == opened(settings)
    assert all(check["remedy"] for check in told if not check["ok"])


def test_a_closed_deployment_has_nothing_open(settings: Settings, keys: dict[str, Path]) -> None:
    """A login that is no superuser, roles, a broker that knows us, sources that are bound, keys that are kept."""
    initialise(settings.model_copy(update={"postgres_roles": True}))
    login = f"plain_{uuid4().hex[:12]}"
    with closing(psycopg.connect(postgres_address(settings), autocommit=True)) as server:
        name = sql.Identifier(login)
        server.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'pw'").format(name))
        try:
            server.execute(sql.SQL("GRANT rma_commands TO {}").format(name))
            dsn = SecretStr(make_conninfo(postgres_address(settings), user=login, password="pw"))  # noqa: S106
            assert opened(closed(settings, keys, postgres_dsn=dsn)) == set()
        finally:
            server.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(name, name))


def test_each_open_door_is_found_by_itself(settings: Settings, keys: dict[str, Path], tmp_path: Path) -> None:
    """Whatever else is closed; the login here is a superuser, which stays open."""
    initialise(settings.model_copy(update={"postgres_roles": True}))
    always = {"PostgreSQL login"}
    assert opened(closed(settings, keys)) == always

    plain = {"kafka_security_protocol": "SASL_PLAINTEXT"}
    unnamed = {"kafka_security_protocol": "SSL", "kafka_security_username": None, "kafka_security_password": None}
    assert opened(closed(settings, keys, **plain)) == always | {"Kafka TLS"}
    assert opened(closed(settings, keys, **unnamed)) == always | {"Kafka login"}
    assert opened(closed(settings, keys, sources_file=None)) == always | {"sources"}
    assert opened(closed(settings, keys, postgres_roles=False)) == always | {"roles"}
    for name in ("gateway_url", "labels_url", "sms_url", "http_jwks_url"):
        plainly = {name: SecretStr("http://far.example/v1")}
        assert opened(closed(settings, keys, **plainly)) == always | {f"RMA_{name.upper()}"}
    assert opened(closed(settings, keys, smtp_url=SecretStr("smtp://far.example"))) == always | {"RMA_SMTP_URL"}
    assert opened(closed(settings, keys, smtp_url=SecretStr("smtps://far.example"))) == always
    assert opened(closed(settings, keys, http_public_url="http://far.example")) == always | {"RMA_HTTP_PUBLIC_URL"}
    assert opened(closed(settings, keys, webhooks=True, webhooks_allow_private=True)) == always | {"webhooks"}
    assert opened(closed(settings, keys, webhooks=True)) == always
    assert opened(closed(settings, keys, vault_dsn=settings.postgres_dsn)) == always | {"vault login"}
    away = SecretStr("postgresql://127.0.0.1:1/rma")
    assert opened(closed(settings, keys, vault_dsn=away)) == always | {"vault"}
    assert opened(closed(settings, keys, metrics_port=9000, metrics_host="0.0.0.0")) == always | {"figures"}  # noqa: S104
    local = {"data_dir": tmp_path}
    assert opened(closed(settings, keys, **local)) == always | {str(keys["audit_key_file"])}
    keys["audit_key_file"].chmod(0o644)
    keys["sources_file"].chmod(0o666)
    assert opened(closed(settings, keys)) == always | {str(file) for file in keys.values()}


def test_what_a_shop_signs_with_is_kept_unless_it_is_public(settings: Settings, tmp_path: Path) -> None:
    """A secret lets in whoever reads it, a public key nobody; who may write to either lets himself in."""
    file = tmp_path / "enter.key"
    given = settings.model_copy(update={"http_enter_key_file": file})
    for text, mode, is_open in (
        ("a shared secret", 0o644, True),
        ("a shared secret", 0o640, False),
        ("-----BEGIN PUBLIC KEY-----", 0o644, False),
        ("-----BEGIN PUBLIC KEY-----", 0o664, True),
    ):
        file.write_text(text)
        file.chmod(mode)
        assert (str(file) in opened(given)) is is_open, (text, mode)


def test_a_database_that_is_away_is_not_called_closed(settings: Settings, keys: dict[str, Path]) -> None:
    """What cannot be looked at counts as open."""
    away = SecretStr("postgresql://127.0.0.1:1/rma")

    assert opened(closed(settings, keys, postgres_dsn=away)) == {"PostgreSQL"}
