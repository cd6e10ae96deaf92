"""``python -m workers.http.openapi``: write what the API says of itself to ``docs/openapi.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from workers.http.app import make_app

FILE: Final = Path(__file__).parents[2] / "docs" / "openapi.json"


def described() -> str:
    """Return the description of the API as the file holds it."""
    return json.dumps(make_app().openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(described())
