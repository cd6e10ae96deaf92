"""What can be set from outside, by environment variables that begin with ``RMA_``."""

from __future__ import annotations

import os
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.mail_settings import mail_sender, mail_server, signing_secret
from infra.web_settings import public_url, web_address

Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]
KafkaProtocol = Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"]
PREFIX: Final = "RMA_"
FROM_FILE: Final = "_FILE"
"""What the name of a variable ends with that names a file with a secret in it."""
PORT_MAX: Final = 65_535
VAULT_KEY_NAME: Final = "vault.key"
"""The file of the local stack's data folder that holds the master key of what is sealed."""
AUDIT_KEY_NAME: Final = "audit.key"
"""The file of the local stack's data folder that holds the key of its checkpoints."""

NEAR_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine."""

Port = Annotated[int, Field(ge=0, le=PORT_MAX)]


def _dsn(given: SecretStr) -> SecretStr:
    try:
        conninfo_to_dict(given.get_secret_value())
    except ProgrammingError:  # its text repeats what was given, password and all
        raise ValueError("is no connection string, such as postgresql://user:password@host:5432/database") from None
    return given


def _brokers(given: str) -> str:
    for address in given.split(","):
        host, colon, port = address.strip().rpartition(":")
        if not (host and colon and port.isdecimal() and 0 < int(port) <= PORT_MAX):
            raise ValueError("is no list of host:port, such as kafka-1:9092,kafka-2:9092")
    return given


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _secrets(settings: type[BaseSettings]) -> list[str]:
    """Return the names of the settings that are secret, but those that have a setting of their own for their file."""
    fields = settings.model_fields
    return [name for name in fields if _is_secret(fields[name].annotation) and f"{name}_file" not in fields]


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(map(_is_secret, get_args(annotation)))


def _secret_in(name: str) -> str:
    """Return what the file of a secret setting holds, without the end of its line."""
    try:
        return Path(os.environ[_variable(name) + FROM_FILE]).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"{_variable(name)}{FROM_FILE} cannot be read: {why}") from None


def _issuer(given: str) -> str:
    """Return who vouches for people: an address with https, or one of this machine."""
    url = urlsplit(given)
    if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and url.hostname in NEAR_HOSTS)):
        raise ValueError("is no address with https, such as https://login.example")
    return given


def _upper(given: object) -> object:
    return given.upper() if isinstance(given, str) else given


def _duration(given: object) -> object:
    return float(given) if isinstance(given, str) and given.isdecimal() else given


class Settings(BaseSettings):
    """Settings of every process; each field is read from ``RMA_<FIELD>``, and an empty variable counts as none.

    What may hold a password is a secret: it shows as asterisks wherever settings are printed or logged, and instead of
    its variable another, which ends in ``_FILE``, may name a file that holds it.

    Raises:
        pydantic.ValidationError: A value cannot work, or a variable that begins with ``RMA_`` is no setting.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    postgres_dsn: Annotated[SecretStr, AfterValidator(_dsn)] | None = None
    """Where PostgreSQL is; None: the local stack that runs in ``data_dir``."""
    postgres_roles: bool = False
    """Whether `rma init` makes a role with least rights for each worker, and each worker takes its own: ``yes``."""
    kafka_bootstrap: Annotated[str, AfterValidator(_brokers)] | None = None
    """Where Kafka is (``host:port``, several by commas); None: the local stack that runs in ``data_dir``."""
    kafka_security_protocol: Annotated[KafkaProtocol, BeforeValidator(_upper)] = "PLAINTEXT"
    """How ``kafka_bootstrap`` is connected to; the local stack is reached in plain text."""
    kafka_security_ca_file: Path | None = None
    """Certificates (PEM) of whoever signed the brokers'; None: those that this machine trusts."""
    kafka_security_cert_file: Path | None = None
    """Our own certificate (PEM), where brokers know us by it (mTLS)."""
    kafka_security_key_file: Path | None = None
    """Its key (PEM, not encrypted)."""
    kafka_security_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    """How a name and a password are shown (SASL)."""
    kafka_security_username: str | None = None
    kafka_security_password: SecretStr | None = None
    data_dir: Path = Path(".rma")
    """The local stack's folder."""
    postgres_port: Port = 0
    """Where the local stack's PostgreSQL answers; 0: at the port it had before if that is free, else at any."""
    kafka_port: Port = 0
    """Where the local stack's Kafka answers; 0: as above."""
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    """Put before every topic and consumer group, so that several systems can share one Kafka."""

    instance: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    """Name of this process that outlives its restarts: after a crash it has its partitions back at once, instead of
    when its session has timed out. No two workers of one kind may share it. None: no such name."""

    partitions: Annotated[int, Field(ge=1, le=1_000)] = 6
    kafka_compression: Compression = "gzip"
    """What our records are compressed by. Every client reads ``none`` and ``gzip``; not so the others."""
    replication_factor: Annotated[int, Field(ge=1, le=10)] = 1
    min_insync_replicas: Annotated[int, Field(ge=1, le=10)] = 1

    command_batch_records_max: Annotated[int, Field(ge=1, le=5_000)] = 500
    """Commands decided and stored in one transaction."""
    relay_batch_records_max: Annotated[int, Field(ge=1, le=20_000)] = 5_000
    """Log entries published before the relay moves its position."""
    projector_batch_records_max: Annotated[int, Field(ge=1, le=20_000)] = 5_000
    """Events folded into a read model in one transaction."""

    metrics_host: str = "127.0.0.1"
    metrics_port: Port = 0
    """Port of ``/metrics`` and ``/healthz``; 0: none."""
    log_format: Literal["json", "console"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    deadline_grace: Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0), le=timedelta(days=30))] = (
        timedelta(hours=1)
    )
    """How long past its instant a deadline fires, so that news under way still count: ``PT1H``, or seconds."""
    remind_before: Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0), le=timedelta(days=30))] = (
        timedelta(days=3)
    )
    """How long before its instant a customer is reminded of what he has to do by a deadline: ``P3D``, or seconds."""
    gateway_url: Annotated[SecretStr, AfterValidator(web_address)] | None = None
    """The payment gateway; without one no payout is handed over."""
    sellers_file: Path | None = None
    """Who stands on credit notes, by series (JSON); None: each series' own name."""
    sources_file: Path | None = None
    """Which source may act as whom, and send what (YAML), read when a command worker starts; None: any may."""
    audit_key_file: Annotated[Path | None, Field(validate_default=True)] = None
    """The key that signs checkpoints, then those it replaced, one a line; None: the local stack's, if there is one."""
    audit_origin: Annotated[str, Field(pattern=r"^[^\s+]{1,255}$")] | None = None
    """Whose log it is, as checkpoints say it: the name of the key. None: whatever name the key has."""

    vault_key_file: Annotated[Path | None, Field(validate_default=True)] = None
    """Master keys that lock the vault, one a line, the first one active; None: the local stack's, if there is one."""
    vault_key: SecretStr | None = None
    """The same, as a value; it stands over the file."""
    vault_dsn: Annotated[SecretStr, AfterValidator(_dsn)] | None = None
    """The log's database by a login with the role `rma_vault`; None: workers take that role with their own login."""
    vault_socket: Path | None = None
    """The Unix socket at which `rma work vault` opens texts for others, such as the HTTP API; None: for nobody."""

    @field_validator("audit_key_file", "vault_key_file")
    @classmethod
    def _find_own_key(cls, given: Path | None, known: ValidationInfo) -> Path | None:
        name = AUDIT_KEY_NAME if known.field_name == "audit_key_file" else VAULT_KEY_NAME
        own = known.data.get("data_dir", Path(".rma")) / name
        return given or (own if own.is_file() else None)

    sites_file: Path | None = None
    """Where goods are sent, by the names that policies have for sites (JSON); None: nobody makes labels."""
    labels_url: Annotated[SecretStr, AfterValidator(web_address)] | None = None
    """The service that makes labels; None: they bear numbers of our own."""
    labels_carrier: Annotated[str, Field(min_length=1, max_length=64)] = "Returns"
    """What the carrier of labels with numbers of our own is called."""

    webhooks: bool = False
    """Whether other systems are told of events, as `rma webhooks` says: ``yes``."""
    webhooks_allow_private: bool = False
    """Whether they may be at addresses that are not public, or be told without encryption, as in one's own network."""

    http_host: str = "127.0.0.1"
    http_port: Port = 8080
    """Where the HTTP API answers; 0: at any port that is free, which the log tells."""
    http_keys_file: Path | None = None
    """Keys of callers, one JSON object a line, as ``rma http key`` prints them."""
    http_jwks_url: Annotated[SecretStr, AfterValidator(web_address)] | None = None
    """Where the keys are published that sign callers' tokens (JWKS); None: only keys of the file are known."""
    http_jwt_issuer: str | None = None
    """The ``iss`` of those tokens."""
    http_jwt_audience: str | None = None
    """Their ``aud``: what this door is called there."""
    carriers_file: Path | None = None
    """Carriers that may bring news of parcels (JSON): their secrets, the form they speak in; None: none may."""
    evidence_dir: Path | None = None
    """The folder of files that customers put forward; None: ``evidence`` in ``data_dir``."""
    http_rate: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    """Requests of one caller in a minute, in each process."""
    http_rate_anonymous: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    """Requests without a caller from one address in a minute, in each process."""
    http_public_url: Annotated[str, AfterValidator(public_url)] | None = None
    """Under which address people reach this door, such as https://returns.example: every link is made from it, and
    pages answer to no other name. None: there are no pages."""
    http_enter_key_file: Path | None = None
    """What a shop's links for its customers are signed with: its Ed25519 public key (PEM), or a secret that it shares;
    None: no shop lets anybody in."""
    http_brand_dir: Path | None = None
    """The merchant's folder for the pages: ``brand.json``, ``brand.css``, ``logo.svg`` or ``.png``; None: plain."""
    http_trusted_proxies: str = ""
    """Addresses or networks, by commas, whose ``X-Forwarded-For`` and ``-Proto`` are believed."""

    http_demo_login: bool = False
    """Whether anybody may sign in at the desk and the bench as one of four fixed people, for a laptop: ``yes``."""
    oidc_issuer: Annotated[str, AfterValidator(_issuer)] | None = None
    """Who says who signs in at the desk and the bench (OpenID Connect); None: nobody does."""
    oidc_client_id: str | None = None
    """What we are called there."""
    oidc_client_secret: SecretStr | None = None
    """What we show that we are."""
    oidc_roles_claim: Annotated[str, Field(min_length=1)] = "roles"
    """The claim that names roles, of ``agent supervisor warehouse auditor``; points lead into objects."""
    smtp_url: Annotated[SecretStr, AfterValidator(mail_server)] | None = None
    """The mail server (``smtp://``, ``smtp+starttls://``, ``smtps://``) that letters to customers go to; None: nobody
    is written to."""
    notices_sender: Annotated[str, AfterValidator(mail_sender)] | None = None
    """Who writes: ``returns@shop.example``, or ``Shop <returns@shop.example>``."""
    notices_since: AwareDatetime | None = None
    """Customers are told of nothing before this: ``2026-03-01T00:00:00Z``; None: the worker's first start."""
    notices_templates_dir: Path | None = None
    """The merchant's own templates of letters, each in the place of ours of the same name; None: ours."""
    notices_bounce_secret: Annotated[SecretStr, AfterValidator(signing_secret)] | None = None
    """What a mail service signs news of letters with that came back (Standard Webhooks, ``whsec_…``); None: none may
    bring any."""
    sms_url: Annotated[SecretStr, AfterValidator(web_address)] | None = None
    """Where short messages are posted, for customers of whom only a phone is known; None: they get none."""
    sms_secret: Annotated[SecretStr, AfterValidator(signing_secret)] | None = None
    """What they are signed with (Standard Webhooks, ``whsec_…``)."""

    @model_validator(mode="before")
    @classmethod
    def _read_secrets(cls, given: Any) -> Any:
        secrets = [name for name in _secrets(cls) if os.environ.get(_variable(name) + FROM_FILE)]
        for name in secrets:
            if os.environ.get(_variable(name)):
                raise ValueError(f"{_variable(name)} and {_variable(name)}{FROM_FILE} are both set: one would do")
        return {name: _secret_in(name) for name in secrets} | given

    @model_validator(mode="before")
    @classmethod
    def _know_every_variable(cls, given: Any) -> Any:
        known = [_variable(name) for name in cls.model_fields] + [_variable(name) + FROM_FILE for name in _secrets(cls)]
        for name in os.environ:
            if name.upper().startswith(PREFIX) and name.upper() not in known:
                near = get_close_matches(name.upper(), known, 1)
                others = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                raise ValueError(f"{name} is no setting; {others}")
        return given

    @model_validator(mode="after")
    def _have_enough_replicas(self) -> Self:
        if self.min_insync_replicas > self.replication_factor:
            raise ValueError("RMA_MIN_INSYNC_REPLICAS is more than RMA_REPLICATION_FACTOR: nothing could be written")
        return self

    @model_validator(mode="after")
    def _know_how_to_show_who_we_are(self) -> Self:
        named, certified = self.kafka_security_username, self.kafka_security_cert_file
        if self.kafka_security_protocol.startswith("SASL") != bool(named and self.kafka_security_password):
            raise ValueError(
                "RMA_KAFKA_SECURITY_USERNAME and RMA_KAFKA_SECURITY_PASSWORD go with SASL_SSL and SASL_PLAINTEXT, "
                "both of them, and with nothing else"
            )
        if bool(certified) != bool(self.kafka_security_key_file):
            raise ValueError("RMA_KAFKA_SECURITY_CERT_FILE and RMA_KAFKA_SECURITY_KEY_FILE go together")
        if (certified or self.kafka_security_ca_file) and not self.kafka_security_protocol.endswith("SSL"):
            raise ValueError(
                "RMA_KAFKA_SECURITY_CA_FILE and _CERT_FILE need RMA_KAFKA_SECURITY_PROTOCOL SSL or SASL_SSL"
            )
        return self

    @model_validator(mode="after")
    def _know_whose_tokens(self) -> Self:
        if self.http_jwks_url and not (self.http_jwt_issuer and self.http_jwt_audience):
            raise ValueError(
                "RMA_HTTP_JWKS_URL needs RMA_HTTP_JWT_ISSUER and RMA_HTTP_JWT_AUDIENCE: else any token does"
            )
        return self

    @model_validator(mode="after")
    def _know_who_signs_in(self) -> Self:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret and self.http_public_url):
            raise ValueError("RMA_OIDC_ISSUER needs RMA_OIDC_CLIENT_ID, RMA_OIDC_CLIENT_SECRET and RMA_HTTP_PUBLIC_URL")
        if self.http_demo_login and urlsplit(self.http_public_url or "").hostname not in NEAR_HOSTS:
            raise ValueError(
                "RMA_HTTP_DEMO_LOGIN lets anybody in as anyone: only where RMA_HTTP_PUBLIC_URL is http://localhost"
            )
        return self

    @model_validator(mode="after")
    def _know_who_writes(self) -> Self:
        if self.smtp_url and not (self.notices_sender and self.http_public_url):
            raise ValueError("RMA_SMTP_URL needs RMA_NOTICES_SENDER, who writes, and RMA_HTTP_PUBLIC_URL for links")
        if bool(self.sms_url) != bool(self.sms_secret):
            raise ValueError("RMA_SMS_URL and RMA_SMS_SECRET go together: whoever gets them has to know who sends them")
        return self

    def as_environment(self) -> dict[str, str]:
        """Return the variables that give another process these settings, secrets and all."""
        shown = {name: "" if value is None else value for name, value in self}
        plain = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in shown.items()
        }
        no_files = {_variable(name) + FROM_FILE: "" for name in _secrets(type(self))}
        return {_variable(name): str(value) for name, value in plain.items()} | no_files

    def named(self, name: str) -> str:
        """Return the full name of a topic or consumer group."""
        return f"{self.topic_prefix}{name}"
