"""Whose an address of the network is, as far as limits go."""

from ipaddress import IPv6Address, ip_address, ip_network

OF_ONE = 64  # bits: of IPv6, one line has all the addresses that begin with the same ones


def neighbourhood(address: str) -> str:
    """What is counted as one: an address of IPv4, all of a line of IPv6; what is no address stays as it is."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), OF_ONE), strict=False))
