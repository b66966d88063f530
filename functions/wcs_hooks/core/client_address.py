"""The address of the client that a hook is about."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def client_address(session_id: str) -> str | None:
    """Return the address in a session's id; none if the id is of a form without one.

    It is the address of whoever opened the connection to WCS: of a proxy if there is one.

    Parameters
    ----------
    session_id
        `/ip:port/ip:port`, `/ip:port/<hex>`, `/ip:port/ip:port-<uuid>` begin with the client's
        address and port; a bare UUID and `<name>-HLS` have none (`docs/reference/wcs-protocol.md`,
        section 6). Java writes IPv6 with or without brackets.

    Examples
    --------
    >>> client_address("/192.0.2.1:50000/198.51.100.7:8443"), client_address("camera-HLS")
    ('192.0.2.1', None)
    """
    if session_id[:1] != "/":
        return None
    host, separator, port = session_id[1:].partition("/")[0].rpartition(":")
    if not separator or not (port.isascii() and port.isdigit()):
        return None
    if host[:1] == "[" and host[-1:] == "]":
        host = host[1:-1]
    try:
        return str(address(host))
    except ValueError:
        return None


def address(text: str) -> IPv4Address | IPv6Address:
    """Return the address that a text is; IPv4's where it is written as IPv6's (`::ffff:192.0.2.1`).

    Raises
    ------
    ValueError
        If it is not an address.
    """
    given = ip_address(text)
    mapped = given.ipv4_mapped if isinstance(given, IPv6Address) else None
    return mapped or given
