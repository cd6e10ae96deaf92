"""The doors of the demo: pages for its customer, the desk and the bench, and the letters that were sent."""

from __future__ import annotations

import os.path
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final

import httpx
import orjson
from pydantic import SecretStr

from domain.errors import RmaError
from infra.settings import Settings
from infra.stack.ports import free_ports
from workers.pictures.sheet import Screen
from workers.pictures.text import Text
from workers.runtime.clock import utc_now
from workers.runtime.loop import stop_on_signals
from workers.trials.demo.mailbox import HOST, Mailbox, mailbox
from workers.trials.demo.story import EMAIL, Story

BRAND: Final = Path(__file__).parent / "brand"
SITES: Final = {
    "WH-1": {"name": "Northbound Outdoor, Returns", "address": ["480 Harbor Way", "Portland, OR 97217", "USA"]}
}
RATE: Final = 100_000
"""Requests a minute: there is one visitor, and he may be as fast as he likes."""
TOLD_OF: Final = timedelta(days=90)
"""Letters tell of what was so long ago, and of nothing of the real shop's week, which is far older."""
WANTED: Final = ("approved", "received", "refunded", "closed", "denied")
"""Letters that the story calls for, beside others."""
OPEN_TIMEOUT_S: Final = 60.0
OPEN_POLL_S: Final = 0.1
LINK: Final = re.compile(r"https?://\S+/r/\S+")


class DoorStayedShutError(RmaError):
    """A page did not answer, or a letter did not come."""

    code: ClassVar[str] = "door_stayed_shut"


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the pages and the letters are; ``settings`` are those under which workers open them."""

    settings: Settings
    url: str
    box: Mailbox

    def await_letters(self) -> None:
        """Wait until every letter that the story calls for has come; raises ``DoorStayedShutError``."""
        give_up_at = time.monotonic() + OPEN_TIMEOUT_S
        while missing := sorted(set(WANTED).difference(self.box.kinds())):
            if time.monotonic() > give_up_at:
                raise DoorStayedShutError(f"no letter came that says {', '.join(missing)}")
            time.sleep(OPEN_POLL_S)

    def customers_page(self) -> str:
        """Return the link to the return's own page, as a letter says it."""
        closed = self.box.letters[self.box.kinds().index("closed")]
        body = closed.get_body(("plain",))
        found = LINK.search(str(body.get_content())) if body else None
        if found is None:
            raise DoorStayedShutError("the letter of the return's end has no link")
        return found.group()

    def addresses(self) -> Mapping[str, str]:
        """Return what is open, and where."""
        return {
            "the customer's page": self.customers_page(),
            "a new return": f"{self.url}/returns/start",
            "the desk": f"{self.url}/staff/sign-in?next=/desk",
            "the bench": f"{self.url}/staff/sign-in?next=/bench",
            "the mail": f"{self.box.url}/",
        }


@contextmanager
def doors(settings: Settings, folder: Path) -> Iterator[Doors]:
    """Run the mail server while the block lasts, and yield where doors may be opened, on free ports of this machine."""
    keys = folder / "keys.jsonl"
    keys.write_text("# nobody: the pages need no key\n")
    with mailbox() as box:
        given = {
            "http_keys_file": keys,
            "http_demo_login": True,
            "http_brand_dir": BRAND,
            "notices_sender": "Northbound Outdoor <returns@northbound.example>",
            "notices_since": utc_now() - TOLD_OF,
        }
        with_pages = open_to_people(settings.model_copy(update=given), folder, box, SITES)
        yield Doors(with_pages, str(with_pages.http_public_url), box)


def open_to_people(settings: Settings, folder: Path, box: Mailbox, sites: Mapping[str, object]) -> Settings:
    """Return the settings with pages on a free port of this machine, a vault they ask, and letters to a mailbox."""
    known = folder / "sites.json"
    known.write_bytes(orjson.dumps(sites))
    [port] = free_ports(1)
    given = {
        "http_host": HOST,
        "http_port": port,
        "http_public_url": f"http://{HOST}:{port}",
        "http_rate": RATE,
        "http_rate_anonymous": RATE,
        "evidence_dir": folder / "evidence",
        "sites_file": known,
        "vault_socket": Path(os.path.relpath(folder / "vault.sock")),  # a whole name has at most 107 bytes
        "smtp_url": SecretStr(box.smtp_url),
    }
    return settings.model_copy(update=given)


def tell_doors(opened: Doors, story: Story, out: Screen, *, stay: bool) -> None:
    """Look whether every door is open, and print where each is, and which letters came.

    Raises:
        DoorStayedShutError: One is not.
    """
    opened.await_letters()
    letters = opened.box.letters
    out.print(Text(f"  {len(letters)} letters were sent to {EMAIL}", "dim"))
    for letter in letters:
        out.print(Text("  ✉ ", "cyan").append(str(letter["Subject"])))
    with httpx.Client(follow_redirects=True, timeout=OPEN_TIMEOUT_S) as browser:
        for name, address in opened.addresses().items():
            try:
                status = browser.get(address).status_code
            except httpx.HTTPError as error:
                raise DoorStayedShutError(f"{name} at {address}: {error}") from error
            if status != httpx.codes.OK:
                raise DoorStayedShutError(f"{name} at {address} answers {status}")
            out.print(Text(f"  {name:<20} ", "dim").append(address, "bold green"), soft_wrap=True)
    if stay:
        out.print(Text(f"  A new return: order {story.order_id}, e-mail {EMAIL}; the link comes by mail.", "dim"))
        out.print(Text("  At the desk Ada decides, at the bench Wei receives.", "dim"))
    else:
        out.print(Text("  They answered, and shut now; make demo OPEN=1 keeps them open.", "dim"))


def stay_open(out: Screen) -> None:
    """Wait for Ctrl-C; a second one does not disturb the cleaning up."""
    closing = stop_on_signals()
    out.print("Open until Ctrl-C.", style="bold")
    closing.wait()
    out.print("Stopping everything that was started.", style="dim")
