"""A broker that lets nobody in who does not show who he is: TLS, mTLS and SCRAM, each on a listener, and ACLs."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType
from pydantic import SecretStr

from infra.kafka.clients import make_admin
from infra.kafka_address import KafkaAddress, KafkaSecurity
from infra.probes import kafka_answers
from infra.stack.jars import fetch_jars
from infra.stack.java import NO_TRACES, find_java
from infra.stack.kafka import ENVIRONMENT, HEAP, JARS, PROPERTIES, READY_TIMEOUT_S, STOP_SIGNAL
from infra.stack.local import TOOLS_DIR
from infra.stack.ports import LOOPBACK, free_ports
from infra.stack.processes import Service, run_to_end, spawn, stop, wait_ready

VALID: Final = timedelta(days=2)
FORMAT_TIMEOUT_S: Final = 120.0
USERS: Final = ("admin", "shop", "commands", "relay", "refund_ledger")
"""Who has a password; ``admin`` may do anything."""
SECURITY: Final = {
    "listener.security.protocol.map": "TLS:SSL,MTLS:SSL,SCRAM:SASL_SSL,CONTROLLER:SSL",
    "inter.broker.listener.name": "MTLS",
    "listener.name.tls.ssl.client.auth": "none",
    "listener.name.mtls.ssl.client.auth": "required",
    "listener.name.controller.ssl.client.auth": "required",
    "listener.name.scram.ssl.client.auth": "none",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": "broker.pem",
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": "ca.pem",
    "ssl.principal.mapping.rules": "RULE:^CN=([^,]*).*$/$1/,DEFAULT",
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.scram.scram-sha-512.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:broker;User:admin",
}


def password_of(user: str) -> str:
    return f"canary-of-{user}"


@dataclass(frozen=True)
class SecureKafka:
    """The broker's addresses by listener, and the folder of the certificates."""

    folder: Path
    tls: str
    mtls: str
    scram: str

    def settings(self, how: str, user: str = "admin") -> dict[str, Any]:
        """Return what settings say of a way in: ``tls`` (as nobody), ``mtls`` or ``scram`` (as a user)."""
        given: dict[str, Any] = {
            "kafka_bootstrap": getattr(self, how),
            "kafka_security_ca_file": self.folder / "ca.pem",
        }
        if how == "scram":
            own = {"kafka_security_username": user, "kafka_security_password": SecretStr(password_of(user))}
            return given | own | {"kafka_security_protocol": "SASL_SSL"}
        if how == "mtls":
            files = {name: self.folder / f"{user}.{name}.pem" for name in ("cert", "key")}
            given |= {f"kafka_security_{name}_file": file for name, file in files.items()}
        return given | {"kafka_security_protocol": "SSL"}

    @property
    def as_admin(self) -> KafkaAddress:
        own = KafkaSecurity(
            "SSL", self.folder / "ca.pem", self.folder / "admin.cert.pem", self.folder / "admin.key.pem"
        )
        return KafkaAddress(self.mtls, own)

    def allow(self, user: str, operations: str, kind: str, name: str, *, prefixed: bool = False) -> None:
        """Let a user do something (words) with a topic or a group."""
        pattern = ResourcePattern(
            ResourceType[kind], name, ACLResourcePatternType.PREFIXED if prefixed else ACLResourcePatternType.LITERAL
        )
        wanted = [
            ACL(f"User:{user}", "*", ACLOperation[word], ACLPermissionType.ALLOW, pattern)
            for word in operations.split()
        ]
        with closing(make_admin(self.as_admin)) as admin:
            made: Any = admin.create_acls(wanted)
            assert not made["failed"], made


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """Run the broker for as long as the block lasts."""
    folder.mkdir(parents=True)
    (folder / "tmp").mkdir()
    _certify(folder)
    tls, mtls, scram, controller = free_ports(4)
    where = SecureKafka(folder, f"{LOOPBACK}:{tls}", f"{LOOPBACK}:{mtls}", f"{LOOPBACK}:{scram}")
    clients = f"TLS://{where.tls},MTLS://{where.mtls},SCRAM://{where.scram}"
    own = {
        "listeners": f"{clients},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": clients,
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        "log.dirs": "log",
    }
    file = folder / "server.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in {**PROPERTIES, **SECURITY, **own}.items()))
    java = [
        str(find_java().program), NO_TRACES, f"-Djava.io.tmpdir={folder / 'tmp'}", "-cp", fetch_jars(TOOLS_DIR / JARS),
    ]  # fmt: skip
    users = [
        word
        for user in USERS
        for word in ("--add-scram", f"SCRAM-SHA-512=[name={user},password={password_of(user)},iterations=4096]")
    ]
    cluster = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=").replace("-", "A")
    tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(file), *users]
    marker = str(file)
    run_to_end(
        Service("Making the log", [*java, *tool], marker, folder / "format.log", environment=ENVIRONMENT),
        FORMAT_TIMEOUT_S,
    )
    broker = Service(
        "Kafka", [*java, HEAP, "kafka.Kafka", marker], marker, folder / "kafka.log", environment=ENVIRONMENT
    )
    process = spawn(broker)
    try:
        wait_ready(broker, process, lambda: kafka_answers(where.as_admin), READY_TIMEOUT_S)
        yield where
    finally:
        stop(marker, STOP_SIGNAL)
        shutil.rmtree(folder, ignore_errors=True)


def _certify(folder: Path) -> None:
    """Write an authority, and certificates by it for the broker, for ``admin`` and for ``shop``."""
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = _name("authority of the tests")
    ca = _certificate(issuer, issuer, authority.public_key(), authority, is_authority=True)
    (folder / "ca.pem").write_bytes(ca.public_bytes(Encoding.PEM))
    for name in ("broker", "admin", "shop"):
        key = ec.generate_private_key(ec.SECP256R1())
        cert = _certificate(_name(name), issuer, key.public_key(), authority).public_bytes(Encoding.PEM)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.cert.pem").write_bytes(cert)
        (folder / f"{name}.key.pem").write_bytes(secret)
        (folder / f"{name}.pem").write_bytes(secret + cert)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    is_authority: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - VALID)
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if is_authority:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(signer, hashes.SHA256())
