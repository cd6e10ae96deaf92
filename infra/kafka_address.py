"""Where Kafka is, and how a client shows who it is: what every client of ours is made with, in one place."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from domain.values import dataclass
from infra.settings import Settings

PLAINTEXT: Final = "PLAINTEXT"


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """How a connection is secured: by TLS, with a certificate of one's own (mTLS) or a name and a password (SASL)."""

    protocol: str = PLAINTEXT
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    mechanism: str | None = None
    username: str | None = None
    password: SecretStr | None = None

    @property
    def is_encrypted(self) -> bool:
        return self.protocol.endswith("SSL")

    def tls(self) -> ssl.SSLContext | None:
        """Return what a socket is wrapped in; None where nothing is encrypted.

        Raises:
            OSError: A file cannot be read, or holds no certificate or no key.
        """
        if not self.is_encrypted:
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context

    def options(self) -> dict[str, Any]:
        """Return what kafka-python's clients are made with."""
        made: dict[str, Any] = {"security_protocol": self.protocol}
        if self.is_encrypted:
            made["ssl_context"] = self.tls()
        if self.password is not None:
            made |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        return made


class KafkaAddress(str):
    """Host and port pairs, separated by commas, that carry along how to connect to them; they show as the pairs."""

    __slots__ = ("security",)
    security: KafkaSecurity

    def __new__(cls, bootstrap: str, security: KafkaSecurity) -> KafkaAddress:
        made = super().__new__(cls, bootstrap)
        made.security = security
        return made


def kafka_address(bootstrap: str, settings: Settings) -> KafkaAddress:
    """Return an address as the settings say that it is connected to."""
    return KafkaAddress(
        bootstrap,
        KafkaSecurity(
            protocol=settings.kafka_security_protocol,
            ca_file=settings.kafka_security_ca_file,
            cert_file=settings.kafka_security_cert_file,
            key_file=settings.kafka_security_key_file,
            mechanism=settings.kafka_security_mechanism,
            username=settings.kafka_security_username,
            password=settings.kafka_security_password,
        ),
    )


def security_of(bootstrap: str) -> KafkaSecurity:
    """Return how an address is connected to; one that says nothing of it, as a local stack's, in plain text."""
    return bootstrap.security if isinstance(bootstrap, KafkaAddress) else KafkaSecurity()


def connecting_to(bootstrap: str) -> dict[str, Any]:
    """Return what each of our clients needs to connect, whatever else it is made with."""
    return {"bootstrap_servers": bootstrap.split(","), **security_of(bootstrap).options()}
