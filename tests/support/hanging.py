"""``rma`` with a command that hangs: ``python -m tests.support.hanging work commands``.

The handler of an order under the id ``hangs`` never returns, as a loop without end would not; a worker counts as hung
after a few seconds instead of minutes.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

from commands.dispatch import registration_of
from commands.registry import REGISTRATIONS
from tests.controls.planted import put
from workers.cli.app import main
from workers.runtime import watchdog

ID: Final = "hangs"
HUNG_AFTER_S: Final = 5.0
TYPE: Final = "rma.RegisterOrder.v1"


def plant() -> None:
    """Let the handler of an order hang."""
    original = registration_of(TYPE)

    def handle(body: Any, meta: Any, *rest: Any) -> None:
        while meta.command_id == ID:
            time.sleep(0.1)
        original.handler(body, meta, *rest)

    REGISTRATIONS[TYPE] = replace(original, handler=handle)
    put(watchdog, "HUNG_AFTER_S", HUNG_AFTER_S)


if __name__ == "__main__":
    plant()
    main()
