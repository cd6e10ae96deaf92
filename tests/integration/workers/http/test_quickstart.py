"""The page that connects a shop does so: its commands are run as they stand."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from tests.support.api import Api, Keys

PAGE = Path(__file__).parents[4] / "docs" / "quickstart-http.md"
LINES_MAX = 30
TIMEOUT_S = 120


def test_a_shop_is_connected_by_the_page(api: Api, keys: Keys, tmp_path: Path) -> None:
    """In thirty lines: an order, a delivery, a return, and what is known of it, said again when run again."""
    [script] = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len([line for line in script.splitlines() if line.strip()]) <= LINES_MAX
    environment = {**os.environ, "API": str(api.base_url).rstrip("/"), "KEY": keys["shop"]}

    def run() -> list[str]:
        ran = subprocess.run(  # noqa: S603 - our own page
            ["/bin/bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout.splitlines()

    said, again = run(), run()
    results = [json.loads(line) for line in said]

    assert [one["status"] for one in results[:3]] == ["accepted"] * 3
    assert said[:3] == again[:3]
    shown, explained, quote, returnable, page = results[3:]
    assert (shown["status"], shown["order_id"]) == ("authorized", "Q-1001")
    assert explained["items"][0]["outcome"] == "approve"
    assert quote["amount_minor"] == 1500
    assert returnable["lines"][0]["free"] == 1
    assert [row["rma_id"] for row in page["items"]] == [shown["rma_id"]]
