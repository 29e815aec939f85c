"""What the lab is made of: four Hong Kong nodes, four upstreams, three carriers in three regions.

Addresses are documentation addresses (RFC 5737), AS numbers documentation numbers (RFC 5398):

  203.0.113.0/24       the anycast prefix, 203.0.113.1 its VIP, on every node
  198.51.100.0/26 ...  the carriers' users, a /28 per region; .192/26 one probe target per session
  192.0.2.0/25         BGP links, a /30 each; 192.0.2.128/25 management

The carriers choose among upstreams, and the upstreams among nodes, by AS path length and then the
lowest router id. The numbers below are such that all users start at hk-idc-1: mobile through cmi,
telecom through hkbn, unicom through pccw.
"""

import ipaddress
from dataclasses import dataclass

PREFIX = "203.0.113.0/24"
VIP = "203.0.113.1"
ORIGIN_ASN = 64500
MANAGEMENT = ipaddress.ip_network("192.0.2.128/25")

_LINKS = ipaddress.ip_network("192.0.2.0/25")
_TARGETS = ipaddress.ip_network("198.51.100.192/26")


@dataclass(frozen=True)
class Node:
    name: str
    site: str
    upstreams: tuple[str, ...]
    router_id: str
    rtt_ms: float  # of the way from any upstream to the node


@dataclass(frozen=True)
class Upstream:
    name: str
    asn: int
    carries: tuple[str, ...]
    router_id: str
    rtt_ms: float  # of the way from any carrier through it


@dataclass(frozen=True)
class Carrier:
    name: str
    asn: int
    block: ipaddress.IPv4Network
    router_id: str


@dataclass(frozen=True)
class User:
    """A host of a carrier's user in a region; it is that carrier's probe there, too."""

    name: str
    region: str
    carrier: str
    network: ipaddress.IPv4Network

    @property
    def gateway(self):
        return self.network[1]

    @property
    def address(self):
        return self.network[2]


@dataclass(frozen=True)
class Link:
    """A BGP link; the customer's interface is named after the provider and the reverse."""

    customer: str
    provider: str
    network: ipaddress.IPv4Network

    @property
    def customer_address(self):
        return self.network[1]

    @property
    def provider_address(self):
        return self.network[2]


@dataclass(frozen=True)
class Session(Link):
    """The link of a node to an upstream, and the address that probes ping to measure just it."""

    target: ipaddress.IPv4Address

    @property
    def cable(self):
        return f"{self.customer}/{self.provider}"


def _by_name(items):
    return {item.name: item for item in items}


# Milliseconds of the users' own access, there and back.
REGIONS = {"beijing": 34, "shenzhen": 10, "chengdu": 28}

NODES = _by_name(
    [
        Node("hk-ali-1", "Alibaba Cloud", ("cmi", "ntt"), "10.0.0.2", 20),
        Node("hk-idc-1", "IDC rack", ("cmi", "hkbn", "pccw"), "10.0.0.1", 14),
        Node("hk-tx-1", "Tencent Cloud", ("hkbn", "pccw"), "10.0.0.3", 18),
        Node("hk-aws-1", "AWS", ("ntt", "cmi"), "10.0.0.4", 22),
    ]
)

UPSTREAMS = _by_name(
    [
        Upstream("cmi", 64501, ("mobile",), "10.0.0.14", 2),
        Upstream("ntt", 64502, ("telecom", "unicom"), "10.0.0.13", 6),
        Upstream("hkbn", 64503, ("telecom",), "10.0.0.11", 3),
        Upstream("pccw", 64504, ("unicom", "telecom"), "10.0.0.12", 4),
    ]
)

CARRIERS = _by_name(
    [
        Carrier("telecom", 65536, ipaddress.ip_network("198.51.100.0/26"), "10.0.0.21"),
        Carrier("unicom", 65537, ipaddress.ip_network("198.51.100.64/26"), "10.0.0.22"),
        Carrier("mobile", 65538, ipaddress.ip_network("198.51.100.128/26"), "10.0.0.23"),
    ]
)

USERS = _by_name(
    User(f"{region}-{carrier.name}", region, carrier.name, network)
    for carrier in CARRIERS.values()
    for region, network in zip(REGIONS, carrier.block.subnets(new_prefix=28))
)

_networks = _LINKS.subnets(new_prefix=30)
_targets = iter(_TARGETS.hosts())

SESSIONS = [
    Session(node.name, upstream, next(_networks), next(_targets))
    for node in NODES.values()
    for upstream in node.upstreams
]
TRANSITS = [
    Link(carrier, upstream.name, next(_networks))
    for upstream in UPSTREAMS.values()
    for carrier in upstream.carries
]

ROUTERS = [*NODES, *UPSTREAMS, *CARRIERS]
WIRE = "wire"
MONITOR = "monitor"
HOSTS = [*ROUTERS, *USERS, WIRE, MONITOR]

MONITOR_ADDRESS = MANAGEMENT[1]
MANAGEMENT_ADDRESS = {name: MANAGEMENT[i] for i, name in enumerate([*NODES, *USERS], start=10)}

PATHS = [
    (session, carrier) for session in SESSIONS for carrier in UPSTREAMS[session.provider].carries
]


def session(node, upstream):
    for candidate in SESSIONS:
        if (candidate.customer, candidate.provider) == (node, upstream):
            return candidate
    raise LookupError(f"no session of node '{node}' to upstream '{upstream}'")


def path(node, upstream, carrier):
    """The session of a path, if the upstream carries the carrier."""
    found = session(node, upstream)
    if carrier not in UPSTREAMS[upstream].carries:
        raise LookupError(f"upstream '{upstream}' does not carry '{carrier}'")
    return found


def prepend_community(upstream, carrier, times):
    """With this an upstream prepends itself so often toward a carrier that it carries."""
    return (UPSTREAMS[upstream].asn, 1000 + 10 * list(CARRIERS).index(carrier) + times)


def base_rtt_ms(session):
    return NODES[session.customer].rtt_ms + UPSTREAMS[session.provider].rtt_ms


def table(upstream):
    """Number of the routing table, and of the packet mark, of an upstream on every node."""
    return 100 + list(UPSTREAMS).index(upstream)
