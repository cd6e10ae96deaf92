"""What settings with addresses of the web may hold."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import SecretStr


def web_address(given: SecretStr) -> SecretStr:
    """Return an address of the web, whatever its path; it may hold a password."""
    try:
        url = urlsplit(given.get_secret_value())
        is_address = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ValueError("is no address of the web, such as https://gateway.example/v1")
    return given


def public_url(given: str) -> str:
    """Return the address of a site, without a slash at its end."""
    url = urlsplit(given)
    is_site = url.scheme in {"http", "https"} and bool(url.hostname) and url.path in {"", "/"} and "@" not in url.netloc
    if not is_site or url.query or url.fragment:
        raise ValueError("is no address of a site, such as https://returns.example")
    return given.rstrip("/")
