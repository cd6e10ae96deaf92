"""The command line `rma`: one file a group of commands."""

from __future__ import annotations

import gc
from typing import Final

GARBAGE_OBJECTS: Final = 50_000

gc.set_threshold(GARBAGE_OBJECTS, 20, 50)  # before anything else is imported: that makes objects, and no garbage
