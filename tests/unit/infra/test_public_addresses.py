"""An address that others named is connected to where anybody may reach it, and nowhere else."""

from __future__ import annotations

import pytest

from infra.public_addresses import AddressRefusedError, is_public, resolve


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"],
)
def test_what_anybody_reaches_is_public(address: str) -> None:
    """Addresses of the Internet, also those of IPv4 that are written as ones of IPv6."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1",  # noqa: S104
        "169.254.169.254", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
        "::1", "::", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::7f00:1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808",
        "2002:7f00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)  # fmt: skip
def test_what_only_we_reach_is_not(address: str) -> None:
    """Our own machine and network, a cloud's metadata, and whatever holds or leads on to such an address."""
    assert not is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "2130706433", "0x7f000001", "127.1"])
def test_a_name_that_leads_home_is_refused(host: str) -> None:
    """However it is written: what is looked at is what the system would connect to."""
    with pytest.raises(AddressRefusedError):
        resolve(host, 443, allow_private=False)
    assert resolve(host, 443, allow_private=True)[0] in {"127.0.0.1", "::1"}


def test_a_name_of_which_one_address_is_ours_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of its addresses is taken is not left to chance."""
    found = [(2, 1, 6, "", (address, 443)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)

    with pytest.raises(AddressRefusedError):
        resolve("both.example", 443, allow_private=False)
