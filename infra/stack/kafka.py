"""An Apache Kafka broker of one node (KRaft) on ports of the loopback interface."""

from __future__ import annotations

import base64
import shutil
import signal
import uuid
from pathlib import Path
from typing import Final

import psutil

from infra.probes import kafka_answers
from infra.stack.jars import fetch_jars
from infra.stack.java import NO_TRACES, find_java
from infra.stack.ports import LOOPBACK, free_ports
from infra.stack.processes import Service, run_to_end, spawn, wait_ready

HEAP: Final = "-Xmx512m"
MESSAGE_BYTES_MAX: Final = 8 * 1024 * 1024
"""Far above what a command may have, so that one that is too large arrives and is answered."""

READY_TIMEOUT_S: Final = 90.0
FORMAT_TIMEOUT_S: Final = 60.0
STOP_SIGNAL: Final = signal.SIGTERM
JARS: Final = "kafka-4.4.0"
ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8"}
"""Java reads no path beyond ASCII where the locale is C."""

PROPERTIES: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "CLIENT",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "message.max.bytes": str(MESSAGE_BYTES_MAX),
    "num.partitions": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
}


def start(
    data_dir: Path, tools_dir: Path, port: int, *, reached_at: int | None = None
) -> tuple[psutil.Process, Service, str]:
    """Start Kafka at ``port`` on the log in ``data_dir``, creating it first; return process, service and address.

    ``reached_at``: the port that the broker names to its clients, where something stands between; None: its own.
    """
    folder = data_dir / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "tmp"  # native libraries are unpacked there
    temporary.mkdir(exist_ok=True)
    class_path = fetch_jars(tools_dir / JARS)
    java = [str(find_java().program), NO_TRACES, f"-Djava.io.tmpdir={temporary}", "-cp", class_path]
    controller_port = next(other for other in free_ports(2) if other != port)
    properties = properties_file(data_dir)
    _write_properties(properties, port, reached_at or port, controller_port)
    if not (folder / "log" / "meta.properties").exists():
        _format(java, folder, properties)
    argv = [*java, HEAP, "kafka.Kafka", str(properties)]
    service = Service("Kafka", argv, str(properties), folder / "kafka.log", environment=ENVIRONMENT)
    return spawn(service), service, f"{LOOPBACK}:{port}"


def properties_file(data_dir: Path) -> Path:
    """Return the broker's configuration file; as an argument of its command line it also marks the process as ours."""
    return data_dir / "kafka" / "server.properties"


def wait_for(process: psutil.Process, service: Service, bootstrap: str) -> None:
    """Wait until Kafka answers for its cluster."""
    wait_ready(service, process, lambda: kafka_answers(bootstrap), READY_TIMEOUT_S)


def _write_properties(file: Path, port: int, reached_at: int, controller_port: int) -> None:
    client, controller = f"CLIENT://{LOOPBACK}:{port}", f"CONTROLLER://{LOOPBACK}:{controller_port}"
    own = {
        "listeners": f"{client},{controller}",
        "advertised.listeners": f"CLIENT://{LOOPBACK}:{reached_at}",
        # Voters are named here and not in the log, so that a restart may take other ports.
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "log.dirs": "log",  # beside this file, where Kafka is started: a comma in a whole path would part it
    }
    file.write_text("".join(f"{name}={value}\n" for name, value in {**PROPERTIES, **own}.items()))


def _format(java: list[str], folder: Path, properties: Path) -> None:
    shutil.rmtree(folder / "log", ignore_errors=True)
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    light = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    tool = ["kafka.tools.StorageTool", "format", "-t", cluster_id.replace("-", "A"), "-c", str(properties)]
    service = Service(
        "Making Kafka's log", [*java, *light, *tool], str(properties), folder / "format.log", environment=ENVIRONMENT
    )
    run_to_end(service, FORMAT_TIMEOUT_S)
