"""Who asks: the caller of a request by its token, counted against his rate."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from workers.http.callers import TOKEN_PREFIX, Caller
from workers.http.door import Door, TheDoor
from workers.http.errors import NoTokenError, TokenInvalidError, UnauthorizedError

NETWORK_BITS: Final = 64
BEARER = HTTPBearer(auto_error=False, description="A key of the file, or a signed token (JWT).")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]


async def caller_of(request: Request, door: TheDoor, given: Credentials) -> Caller:
    """Return who asks, by his token.

    Raises:
        UnauthorizedError: Nobody is known by it.
        RateLimitedError: He, or an address that is nobody's, asks too often.
    """
    try:
        caller = await _known(door, given)
    except UnauthorizedError:
        count_anonymous(request, door)
        raise
    request.state.caller = caller.name
    door.rate.count(f"{caller.source} {caller.name}")
    return caller


async def _known(door: Door, given: HTTPAuthorizationCredentials | None) -> Caller:
    if given is None:
        raise NoTokenError("who asks is not said: Authorization: Bearer, and a token")
    token = given.credentials
    if token.startswith(TOKEN_PREFIX):
        return door.keys.caller(token)
    if door.tokens is None:
        raise TokenInvalidError("this key is not known")
    return await run_in_threadpool(door.tokens.caller, token)


def count_anonymous(request: Request, door: TheDoor) -> None:
    """Count a request that is nobody's against its address; raises ``RateLimitedError``."""
    door.anonymous_rate.count(counted_as(request.client.host) if request.client else "")


def counted_as(host: str) -> str:
    """Return what an address is counted as: one of IPv6 as its network, of which a subscriber has all addresses."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((address, NETWORK_BITS), strict=False))


TheCaller = Annotated[Caller, Depends(caller_of)]
Anonymous = Depends(count_anonymous)
