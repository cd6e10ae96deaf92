"""`rma up` and `rma down`: the local stack, which only a clone has, and what it needs of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from workers.pictures.terminal import AsJson, console, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.operating.doctor import Check


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (up, down):
        app.command()(command)


def up(as_json: AsJson = False) -> None:
    """Start the local stack: a PostgreSQL and a Kafka of its own; print where they answer."""
    from infra.proofs.key_file import make_key
    from infra.sealing.master_keys import make_master_key
    from infra.settings import AUDIT_KEY_NAME, VAULT_KEY_NAME, Settings
    from infra.stack import local
    from infra.stack.ports import Ports

    settings = Settings()
    where = local.up(settings.data_dir, Ports(settings.postgres_port, settings.kafka_port))
    make_key(settings.data_dir / AUDIT_KEY_NAME, settings.audit_origin)
    make_master_key(settings.data_dir / VAULT_KEY_NAME)
    dsn = where.postgres_dsn.get_secret_value()  # theirs to use: printed on purpose
    if as_json:
        print_json({"postgres_dsn": dsn, "kafka_bootstrap": where.kafka_bootstrap})
        return
    out = console()
    out.print(f"PostgreSQL  {dsn}", soft_wrap=True)
    out.print(f"Kafka       {where.kafka_bootstrap}", soft_wrap=True)
    out.print(f"data in {settings.data_dir}; next: rma init, then rma work all", style="dim")


def down() -> None:
    """Stop the local stack. Its data stays."""
    from infra.settings import Settings
    from infra.stack import local

    folder = Settings().data_dir
    local.down(folder)
    console().print(f"no local stack runs in {folder} any more; its data stays", style="dim")


def stack_checks() -> Iterator[Check]:
    """Look at what starting the local stack on this machine needs."""
    yield _java()
    yield _postgres()
    yield _jars()
    yield _ports()


def _java() -> Check:
    from infra.stack.errors import StackStartError
    from infra.stack.java import find_java
    from workers.operating.doctor import SYNC, Check

    try:
        java = find_java()
    except StackStartError as error:
        return Check("Java", False, str(error), SYNC)
    return Check("Java", True, f"{java.major} in {java.program}")


def _postgres() -> Check:
    from infra.stack import postgres
    from infra.stack.errors import StackStartError
    from workers.operating.doctor import SYNC, Check, first_line_of

    try:
        program = postgres.programs() / "postgres"
    except StackStartError as error:
        return Check("PostgreSQL wheel", False, str(error), SYNC)
    return Check("PostgreSQL wheel", True, first_line_of([str(program), "--version"]))


def _jars() -> Check:
    from infra.stack import kafka
    from infra.stack.jars import missing_jars
    from infra.stack.local import TOOLS_DIR
    from workers.operating.doctor import Check

    folder = TOOLS_DIR / kafka.JARS
    missing_bytes = sum(jar.size_bytes for jar in missing_jars(folder))
    found = f"{missing_bytes / 1e6:.0f} MB will be fetched by: rma up" if missing_bytes else f"in {folder}"
    return Check("Kafka's jars", True, found)


def _ports() -> Check:
    from infra.stack.ports import free_ports
    from workers.operating.doctor import Check

    try:
        return Check("ports", True, f"free, such as {', '.join(map(str, free_ports(3)))}")
    except OSError as error:
        return Check("ports", False, str(error), "end programs that hold many connections open")
