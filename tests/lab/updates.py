"""What the upstreams heard, against what we were allowed to say.

usage: updates.py DUMP        prints the UPDATEs of an MRT dump
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy"))

from lab.mrt import MrtError, Update, updates  # noqa: E402, F401

GRACEFUL_SHUTDOWN = (65535, 0)  # RFC 8326


def assert_only(heard, prefix, origin_asn, max_prepend=3, communities=(GRACEFUL_SHUTDOWN,)):
    """Fails with every UPDATE of `origin_asn` that it had no business to send.

    Allowed is `prefix`, announced with our AS number 1 to 1 + `max_prepend` times and with nothing
    but `communities`, or withdrawn; and nothing twice in one session. MED 0, which FRR says of its
    own networks, is what no MED means (RFC 4271 section 9.1.2.2).
    """
    faults = []
    in_force = {}  # what the peer's session last said about the prefix
    for update in heard:
        if update.peer_asn != origin_asn:
            continue
        faults += [f"{update}: {fault}" for fault in _faults(update, prefix, origin_asn)]
        attributes = update.attributes
        if attributes and len(attributes.as_path) > 1 + max_prepend:
            faults.append(f"{update}: more than {max_prepend} prepends")
        if attributes and set(attributes.communities) - set(communities):
            faults.append(f"{update}: a community that is not in {communities}")
        if update.announced or update.withdrawn:
            session = (update.peer, update.session)
            if in_force.get(session) == attributes:
                faults.append(f"{update}: a duplicate")
            in_force[session] = attributes
    assert not faults, "\n".join(faults)


def _faults(update, prefix, origin_asn):
    others = set(update.announced + update.withdrawn) - {prefix}
    if others:
        yield f"not our prefix: {', '.join(sorted(others))}"
    if update.announced and update.withdrawn:
        yield "announces and withdraws at once"
    if not update.announced:
        return
    attributes = update.attributes
    if set(attributes.as_path) != {origin_asn}:
        yield "not our AS path"
    if attributes.large_communities or attributes.med or attributes.others:
        yield "an attribute that no stance has"


if __name__ == "__main__":
    for heard_update in updates(Path(sys.argv[1]).read_bytes()):
        print(heard_update)
