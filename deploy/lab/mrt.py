"""Reads the BGP UPDATEs in an MRT dump (RFC 6396).

BIRD writes one with `mrtdump protocols { messages }`, to the second and with what it receives only.
"""

import ipaddress
import struct
from collections import Counter
from dataclasses import dataclass

BGP4MP, BGP4MP_ET = 16, 17
# Subtype: bytes of an AS number. The _LOCAL subtypes, what the router itself sent, are left out.
MESSAGE = {1: 2, 4: 4}
OPEN, UPDATE = 1, 2

ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF, COMMUNITIES, LARGE_COMMUNITIES = 1, 2, 3, 4, 5, 8, 32
AS_SEQUENCE = 2


class MrtError(Exception):
    """The dump is not what RFC 6396 and RFC 4271 say."""


@dataclass(frozen=True)
class Attributes:
    """Path attributes of an announcement (RFC 4271 section 5)."""

    as_path: tuple[int, ...]
    next_hop: str
    communities: tuple[tuple[int, int], ...] = ()
    large_communities: tuple[tuple[int, int, int], ...] = ()
    med: int | None = None
    others: tuple[int, ...] = ()  # type codes of whatever else was there


@dataclass(frozen=True)
class Update:
    """One UPDATE as it was heard; `announced` all have `attributes`, which is None without them."""

    time: float  # Unix seconds
    peer: str  # address of the neighbour
    peer_asn: int
    announced: tuple[str, ...]
    withdrawn: tuple[str, ...]
    attributes: Attributes | None
    session: int  # 1 for the peer's first session in the dump, 2 after it came back, ...

    @property
    def is_end_of_rib(self):
        """RFC 4724 section 2: an UPDATE that says nothing."""
        return not self.announced and not self.withdrawn and self.attributes is None

    def __str__(self):
        said = [f"withdraw {prefix}" for prefix in self.withdrawn]
        for prefix in self.announced:
            said.append(f"announce {prefix} path {' '.join(map(str, self.attributes.as_path))}")
            said += [f"community {':'.join(map(str, c))}" for c in self._communities()]
            if self.attributes.med is not None:
                said.append(f"med {self.attributes.med}")
        return f"{self.time:.6f} {self.peer} AS{self.peer_asn} {', '.join(said) or 'end of RIB'}"

    def _communities(self):
        return self.attributes.communities + self.attributes.large_communities


class _Bytes:
    """Takes fields off the front."""

    def __init__(self, data):
        self._data = data

    def __len__(self):
        return len(self._data)

    def take(self, count):
        if count > len(self._data):
            raise MrtError(f"{count} bytes wanted, {len(self._data)} left")
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def part(self, count):
        return _Bytes(self.take(count))

    def numbers(self, layout):
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def number(self, layout):
        return self.numbers(layout)[0]


def updates(dump):
    """Every UPDATE received, in order, but for a record that is still being written at the end."""
    found = []
    opened = Counter()
    rest = _Bytes(dump)
    while len(rest) >= 12:
        seconds, kind, subtype, length = rest.numbers("!IHHI")
        if length > len(rest):
            break
        record = rest.part(length)
        if kind not in (BGP4MP, BGP4MP_ET):
            continue
        microseconds = record.number("!I") if kind == BGP4MP_ET else 0
        if subtype not in MESSAGE:
            continue
        peer_asn, peer, message_type = _message(record, MESSAGE[subtype])
        if message_type == OPEN:
            opened[peer] += 1
        if message_type == UPDATE:
            said = _update(record, MESSAGE[subtype])
            found.append(
                Update(seconds + microseconds / 1e6, peer, peer_asn, *said, session=opened[peer])
            )
    return found


def _message(record, asn_size):
    """Peer and message type; what is left of the record is the message's body."""
    peer_asn, _, _, family = record.numbers("!HHHH" if asn_size == 2 else "!IIHH")
    address_size = {1: 4, 2: 16}.get(family)
    if address_size is None:
        raise MrtError(f"address family {family}")
    peer = str(ipaddress.ip_address(record.take(address_size)))
    record.take(address_size)  # our own address
    record.take(16)  # the marker
    _, message_type = record.numbers("!HB")
    return peer_asn, peer, message_type


def _update(body, asn_size):
    withdrawn = _prefixes(body.part(body.number("!H")))
    attributes = _attributes(body.part(body.number("!H")), asn_size)
    return _prefixes(body), withdrawn, attributes


def _prefixes(data):
    found = []
    while len(data):
        length = data.number("!B")
        if length > 32:
            raise MrtError(f"prefix of length {length}")
        address = data.take((length + 7) // 8).ljust(4, b"\0")
        found.append(str(ipaddress.ip_network((address, length), strict=False)))
    return tuple(found)


def _attributes(data, asn_size):
    if not len(data):
        return None
    values = {}
    while len(data):
        flags, kind = data.numbers("!BB")
        extended = flags & 0x10
        value = data.part(data.number("!H" if extended else "!B"))
        if kind in values:
            raise MrtError(f"attribute {kind} twice")
        values[kind] = value
    known = {ORIGIN, AS_PATH, NEXT_HOP, MED, COMMUNITIES, LARGE_COMMUNITIES}
    return Attributes(
        as_path=_as_path(values.get(AS_PATH, _Bytes(b"")), asn_size),
        next_hop=str(ipaddress.ip_address(values[NEXT_HOP].take(4))) if NEXT_HOP in values else "",
        communities=_tuples(values.get(COMMUNITIES), "!HH"),
        large_communities=_tuples(values.get(LARGE_COMMUNITIES), "!III"),
        med=values[MED].number("!I") if MED in values else None,
        others=tuple(sorted(values.keys() - known)),
    )


def _as_path(data, asn_size):
    path = []
    while len(data):
        kind, count = data.numbers("!BB")
        if kind != AS_SEQUENCE:
            raise MrtError(f"AS path segment of type {kind}")
        path += data.numbers(f"!{count}{'H' if asn_size == 2 else 'I'}")
    return tuple(path)


def _tuples(data, layout):
    found = []
    while data is not None and len(data):
        found.append(data.numbers(layout))
    return tuple(found)
