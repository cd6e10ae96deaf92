"""The file in which a running local stack says where it can be reached."""

from __future__ import annotations

import json
import os
from pathlib import Path

from infra.services import FILE_NAME, StackState


def write(data_dir: Path, state: StackState) -> None:
    """Replace the state file in one step; only its owner may read it, because it holds a password."""
    target = data_dir / FILE_NAME
    draft = target.with_suffix(".tmp")
    draft.touch(mode=0o600)
    where = state.addresses
    told = {
        "addresses": {
            "postgres_dsn": where.postgres_dsn.get_secret_value(),
            "kafka_bootstrap": where.kafka_bootstrap,
        },
        "processes": state.processes,
    }
    with draft.open("w") as file:
        json.dump(told, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)


def remove(data_dir: Path) -> None:
    """Forget the stack in ``data_dir``."""
    (data_dir / FILE_NAME).unlink(missing_ok=True)
