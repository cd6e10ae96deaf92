"""Files that every page refers to, under addresses that change with their content."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Final

MEDIA: Final = {
    "style.css": "text/css; charset=utf-8",
    "staff.css": "text/css; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "htmx.LICENSE.txt": "text/plain; charset=utf-8",
}


@cache
def content(name: str) -> bytes:
    """Return one of the files of ``MEDIA``."""
    return resources.files(__package__).joinpath("static", name).read_bytes()


@cache
def address(name: str) -> str:
    """Return the address of a file, which is another once the file is."""
    return f"/pages/{hashlib.sha256(content(name)).hexdigest()[:12]}/{name}"
