"""`rma doctor --security`: what stands open in a deployment, and how it is closed."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
from psycopg import Connection
from pydantic import SecretStr

from infra.addresses import postgres_address
from infra.roles import missing_roles
from infra.sealing.vault import vault_address
from infra.services import StackNotRunningError
from infra.sessions import connect
from infra.settings import Settings
from workers.operating.doctor import ANY_SOURCE, Check
from workers.operating.rights import RIGHTS
from workers.runtime.sources_file import SourcesFileError, read_sources

LOGIN: Final = """
    SELECT rolsuper, coalesce(ssl.ssl, false), coalesce(host(inet_client_addr()), '')
    FROM pg_roles LEFT JOIN pg_stat_ssl AS ssl ON ssl.pid = pg_backend_pid() WHERE rolname = session_user
"""
SECRET_FILES: Final = (
    "audit_key_file", "vault_key_file", "http_keys_file", "carriers_file", "kafka_security_key_file",
    "http_enter_key_file", "sources_file",
)  # fmt: skip
"""Files that let their reader in, sign or open something; the last must not be written to by others."""

PUBLIC_KEY: Final = b"-----BEGIN PUBLIC KEY"
"""What a file begins with that lets nobody in who reads it: only writing to it does."""

CALLED: Final = ("gateway_url", "labels_url", "sms_url", "http_jwks_url", "http_public_url")
"""Settings with the address of what is called, or calls, over the web."""


def open_doors(settings: Settings) -> list[Check]:
    """Look at everything that an operator may close; what is not ``ok`` stands open, or could not be looked at."""
    return [check for look in LOOKS for check in look(settings)]


def _postgres(settings: Settings) -> Iterator[Check]:
    if settings.postgres_dsn is None:
        yield Check(
            "PostgreSQL", False, "the local stack's, which is made for trials", "set RMA_POSTGRES_DSN or its _FILE"
        )
    try:
        connection = connect(postgres_address(settings))
    except (StackNotRunningError, psycopg.Error) as away:
        yield Check("PostgreSQL", False, f"cannot be looked at: {type(away).__name__}", "check RMA_POSTGRES_DSN")
        return
    with closing(connection):
        yield from _login("PostgreSQL", connection)
        yield from _roles(settings, connection)


def _vault(settings: Settings) -> Iterator[Check]:
    """Look at the vault's own login, where it has one: it reads the keys of all that is sealed."""
    if settings.vault_dsn is None:
        return
    try:
        connection = connect(vault_address(settings))
    except psycopg.Error as away:
        yield Check("vault", False, f"cannot be looked at: {type(away).__name__}", "check RMA_VAULT_DSN")
        return
    with closing(connection):
        yield from _login("vault", connection)


def _login(where: str, connection: Connection) -> Iterator[Check]:
    [(is_superuser, is_encrypted, client)] = connection.execute(LOGIN).fetchall()
    yield Check(
        f"{where} login",
        not is_superuser,
        "a superuser, whom no right holds" if is_superuser else "no superuser",
        "log in as a user who is member of the worker's role alone" if is_superuser else "",
    )
    is_near = not client or ip_address(client).is_loopback
    found = "encrypted" if is_encrypted else "in plain text, on this machine" if is_near else "in plain text"
    yield Check(
        f"{where} TLS",
        is_encrypted or is_near,
        found,
        "" if is_encrypted or is_near else "add sslmode=verify-full to the DSN",
    )


def _roles(settings: Settings, connection: Connection) -> Iterator[Check]:
    if not settings.postgres_roles:
        yield Check(
            "roles", False, "every worker may do what the login may", "set RMA_POSTGRES_ROLES=yes and run: rma init"
        )
        return
    missing = missing_roles(connection, list(RIGHTS))
    yield Check(
        "roles",
        not missing,
        f"there is no {', '.join(missing)}" if missing else "each worker takes its own",
        "run: rma init" if missing else "",
    )


def _kafka(settings: Settings) -> Iterator[Check]:
    protocol = settings.kafka_security_protocol
    is_encrypted = protocol.endswith("SSL")
    yield Check(
        "Kafka TLS",
        is_encrypted,
        "encrypted" if is_encrypted else "in plain text",
        "" if is_encrypted else "set RMA_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL",
    )
    is_known = protocol.startswith("SASL") or settings.kafka_security_cert_file is not None
    yield Check(
        "Kafka login",
        is_known,
        "the brokers know who we are" if is_known else "the brokers know nobody, so that they can refuse nobody",
        "" if is_known else "set RMA_KAFKA_SECURITY_USERNAME, or a certificate, and the brokers' ACLs",
    )


def _sources(settings: Settings) -> Iterator[Check]:
    try:
        known = read_sources(settings.sources_file).known
    except SourcesFileError as wrong:
        yield Check("sources", False, str(wrong), "mend the file")
        return
    yield Check(
        "sources",
        known is not None,
        ANY_SOURCE if known is None else "each may do what the file says",
        "set RMA_SOURCES_FILE" if known is None else "",
    )


def _keys(settings: Settings) -> Iterator[Check]:
    """Look at the files of keys: those of the local stack are for trials, and nobody else may read any."""
    for name in SECRET_FILES:
        file: Path | None = getattr(settings, name, None)
        if file is None or not file.exists():
            continue
        what, variable = str(file), f"RMA_{name.upper()}"
        mode = file.stat().st_mode
        if name.endswith("key_file") and file.absolute().is_relative_to(settings.data_dir.absolute()):
            yield Check(what, False, "a key that the local stack made", f"set {variable} to one of your own")
        elif mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield Check(what, False, "others may write to it", f"run: chmod go-w {file}")
        elif mode & stat.S_IROTH and not _may_be_read(name, file):
            yield Check(what, False, "everybody on this machine may read it", f"run: chmod o-r {file}")
        else:
            yield Check(what, True, "kept from others")


def _may_be_read(name: str, file: Path) -> bool:
    return name == "sources_file" or (name == "http_enter_key_file" and file.read_bytes().startswith(PUBLIC_KEY))


def _web(settings: Settings) -> Iterator[Check]:
    """Look at what goes over the network: calls in plain text or to anywhere, and figures that anyone may fetch."""
    for name in CALLED:
        yield from _encrypted(name, getattr(settings, name), ("https",), "give an address with https")
    yield from _encrypted(
        "smtp_url", settings.smtp_url, ("smtps", "smtp+starttls"), "give an address with smtps:// or smtp+starttls://"
    )
    if settings.webhooks:
        ok = not settings.webhooks_allow_private
        found = "public addresses with TLS alone" if ok else "inside one's own network, too, and in plain text"
        yield Check("webhooks", ok, found, "" if ok else "unset RMA_WEBHOOKS_ALLOW_PRIVATE")
    if settings.http_demo_login:
        yield Check("sign-in", False, "anybody comes in as anyone", "unset RMA_HTTP_DEMO_LOGIN, set RMA_OIDC_ISSUER")
    if settings.metrics_port:
        ok = _is_near(settings.metrics_host)
        found = "for this machine" if ok else f"for whoever reaches {settings.metrics_host}"
        yield Check("figures", ok, found, "" if ok else "set RMA_METRICS_HOST to an address that only you reach")


def _encrypted(name: str, given: SecretStr | str | None, schemes: tuple[str, ...], remedy: str) -> Iterator[Check]:
    if given is not None:
        url = urlsplit(given.get_secret_value() if isinstance(given, SecretStr) else given)
        ok = url.scheme in schemes or _is_near(url.hostname or "")
        found = "encrypted, or on this machine" if ok else "in plain text"
        yield Check(f"RMA_{name.upper()}", ok, found, "" if ok else remedy)


def _is_near(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


LOOKS: Final[tuple[Callable[[Settings], Iterator[Check]], ...]] = (_postgres, _vault, _kafka, _sources, _keys, _web)
