"""The configuration of every program in the lab, as text. Pure: topology and paths in, text out."""

from . import topology as net


def define_bgp(name, local, local_asn, neighbor, neighbor_asn, channel):
    return f"""
protocol bgp {name} {{
  local {local} as {local_asn};
  neighbor {neighbor} as {neighbor_asn};
  hold time 9;
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 4;
  ipv4 {{ {channel} }};
}}
"""


def _bird_head(router_id):
    return f"""router id {router_id};
log stderr all;
protocol device {{}}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP || proto = "targets"; }}; }}
"""


def node_bird(node, fragment):
    """The operator's file of a node; anycastd's are only the include and the names of the filters."""
    text = _bird_head(node.router_id) + f'include "{fragment}";\n'
    for upstream in node.upstreams:
        link = net.session(node.name, upstream)
        text += define_bgp(
            upstream,
            link.customer_address,
            net.ORIGIN_ASN,
            link.provider_address,
            net.UPSTREAMS[upstream].asn,
            f"import all; export filter anycastd_{upstream};",
        )
    return text


def plain_fragment(node):
    """What a node runs without anycastd: announce everywhere. Revision 0 is nobody's.

    The filters are what anycastd's plain ones are, so that BIRD finds nothing changed, and sends
    nothing, when anycastd takes over.
    """
    text = f"""define ANYCASTD_REVISION = 0;
protocol static anycastd4 {{ ipv4; route {net.PREFIX} blackhole; }}
"""
    for upstream in node.upstreams:
        text += f"""filter anycastd_{upstream} {{
  if proto = "anycastd4" && net = {net.PREFIX} then {{ accept; }}
  reject;
}}
"""
    return text


def node_frr(node):
    """The operator's file of a node with FRR; anycastd's are only the names of the route-maps."""
    sessions = [net.session(node.name, upstream) for upstream in node.upstreams]
    text = f"""hostname {node.name}
bgp route-map delay-timer 0
route-map heard permit 10
exit
router bgp {net.ORIGIN_ASN}
 bgp router-id {node.router_id}
 timers bgp 3 9
"""
    for s in sessions:
        text += f""" neighbor {s.provider_address} remote-as {net.UPSTREAMS[s.provider].asn}
 neighbor {s.provider_address} timers connect 1
"""
    text += " address-family ipv4 unicast\n"
    for s in sessions:
        text += f"""  neighbor {s.provider_address} route-map heard in
  neighbor {s.provider_address} route-map anycastd_{s.provider} out
"""
    return text + " exit-address-family\nexit\n"


def plain_objects(node):
    """What `plain_fragment` is for BIRD, as objects in bgpd."""
    list_name = f"anycastd.{net.PREFIX.replace('/', '-')}"
    text = f"""bgp as-path access-list anycastd.own seq 5 permit ^$
ip prefix-list {list_name} seq 5 permit {net.PREFIX}
"""
    for upstream in node.upstreams:
        text += f"""route-map anycastd_{upstream} permit 10
 match ip address prefix-list {list_name}
 match as-path anycastd.own
exit
"""
    return text + f"""router bgp {net.ORIGIN_ASN}
 address-family ipv4 unicast
  network {net.PREFIX}
 exit-address-family
exit
"""


def _to_carrier(upstream, carrier):
    asked = "".join(
        f"  if ({asn}, {value}) ~ bgp_community then {{{times * f' bgp_path.prepend({asn});'} }}\n"
        for times in (1, 2)
        for asn, value in [net.prepend_community(upstream.name, carrier, times)]
    )
    return f"""filter to_{carrier} {{
  if proto = "targets" then accept;
  if net != {net.PREFIX} then reject;
{asked}  accept;
}}
"""


def upstream_bird(upstream, updates):
    """An upstream: carriers' blocks to nodes, the prefix and the probe targets to carriers.

    Honours GRACEFUL_SHUTDOWN (RFC 8326) and its communities that ask for a prepend toward a
    carrier, and writes every message it hears to `updates` (MRT).
    """
    sessions = [s for s in net.SESSIONS if s.provider == upstream.name]
    targets = "\n".join(f"  route {s.target}/32 via {s.customer_address};" for s in sessions)
    text = f"""{_bird_head(upstream.router_id)}
mrtdump "{updates}";
mrtdump protocols {{ messages }};
protocol static targets {{
  ipv4;
{targets}
}}
filter from_node {{
  if net != {net.PREFIX} then reject;
  if (65535, 0) ~ bgp_community then bgp_local_pref = 0;
  accept;
}}
filter to_node {{ if source = RTS_BGP && net != {net.PREFIX} then accept; reject; }}
{"".join(_to_carrier(upstream, carrier) for carrier in upstream.carries)}"""
    for s in sessions:
        text += define_bgp(
            s.customer.replace("-", "_"),
            s.provider_address,
            upstream.asn,
            s.customer_address,
            net.ORIGIN_ASN,
            "import filter from_node; export filter to_node;",
        )
    for link in net.TRANSITS:
        if link.provider == upstream.name:
            carrier = net.CARRIERS[link.customer]
            text += define_bgp(
                carrier.name,
                link.provider_address,
                upstream.asn,
                link.customer_address,
                carrier.asn,
                f"import where net = {carrier.block}; export filter to_{carrier.name};",
            )
    return text


def carrier_bird(carrier):
    """A carrier: announces its users, takes what its upstreams offer, honours GRACEFUL_SHUTDOWN."""
    text = f"""{_bird_head(carrier.router_id)}
protocol static users {{ ipv4; route {carrier.block} blackhole; }}
filter from_upstream {{
  if (65535, 0) ~ bgp_community then bgp_local_pref = 0;
  accept;
}}
"""
    for link in net.TRANSITS:
        if link.customer == carrier.name:
            upstream = net.UPSTREAMS[link.provider]
            text += define_bgp(
                upstream.name,
                link.customer_address,
                carrier.asn,
                link.provider_address,
                upstream.asn,
                'import filter from_upstream; export where proto = "users";',
            )
    return text


def symmetric_marks(node):
    """nft rules that mark what comes in by the upstream it came through; see Lab._address_node."""
    rules = "\n".join(
        f'    iifname "{upstream}" meta mark set {net.table(upstream)}'
        for upstream in node.upstreams
    )
    return f"""table ip lab {{
  chain arriving {{
    type filter hook prerouting priority mangle
{rules}
  }}
}}
"""


def rule(session, carrier, extra_ms=0.0, jitter_ms=1.0, loss_percent=0.0):
    """The wire's rule for a path. Our figures are there and back; the wire's are for one way."""
    one_way_loss = 100 * (1 - (1 - loss_percent / 100) ** 0.5)
    delay = (net.base_rtt_ms(session) + extra_ms) / 2
    return (
        f"rule {session.cable} {net.CARRIERS[carrier].block}"
        f" delay {delay:.3f} jitter {jitter_ms / 2:.3f} loss {one_way_loss:.4f}"
    )


BLACKBOX = """modules:
  icmp:
    prober: icmp
    timeout: 400ms
    icmp: {preferred_ip_protocol: ip4, ip_protocol_fallback: false}
  http:
    prober: http
    timeout: 400ms
    http: {preferred_ip_protocol: ip4, ip_protocol_fallback: false}
"""


def _probes(users, targets):
    """Scrape targets; `__probe` is the exporter to ask, relabelled away below."""
    return "\n".join(
        f"      - {{targets: ['{target}'], labels: {{region: {user.region},"
        f" carrier: {user.carrier}, node: {node}, upstream: {upstream},"
        f" __probe: '{net.MANAGEMENT_ADDRESS[user.name]}:9115'}}}}"
        for user in users
        for target, node, upstream in targets(user)
    )


def prometheus():
    users = net.USERS.values()
    paths = _probes(
        users,
        lambda user: [
            (s.target, s.customer, s.provider)
            for s, carrier in net.PATHS
            if carrier == user.carrier
        ],
    )
    anycast = _probes(users, lambda user: [(net.VIP, "anycast", "any")])
    nodes = ", ".join(f"'{net.MANAGEMENT_ADDRESS[node]}:9477'" for node in net.NODES)
    return f"""global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
  - &probes
    job_name: anycast-icmp
    metrics_path: /probe
    params: {{module: [icmp]}}
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__address__], target_label: target}}
      - {{source_labels: [__probe], target_label: instance}}
      - {{source_labels: [__probe], target_label: __address__}}
    static_configs:
{paths}
  - <<: *probes
    job_name: vip-icmp
    static_configs:
{anycast}
  - job_name: anycastd
    scrape_interval: 1s
    honor_labels: true
    static_configs: [{{targets: [{nodes}]}}]
"""


def _sessions(node):
    return "\n".join(
        f"      {s.provider}: {{neighbor: {s.provider_address}, local: {s.customer_address},"
        f" probe_target: {s.target}}}"
        for s in net.SESSIONS
        if s.customer == node.name
    )


def fleet(templates):
    """anycastd.yaml for all nodes, with every span of time shortened to suit a lab."""
    upstreams = "\n".join(
        f"  {u.name}: {{asn: {u.asn}, carries: [{', '.join(u.carries)}], prepend_max: 3}}"
        for u in net.UPSTREAMS.values()
    )
    nodes = "\n".join(
        f"  {n.name}:\n    site: {n.site}\n    sessions:\n{_sessions(n)}"
        for n in net.NODES.values()
    )
    return f"""version: 1
mode: auto

prefixes:
  {net.PREFIX}: {{origin_asn: {net.ORIGIN_ASN}, vips: [{net.VIP}/32]}}

prometheus:
  urls: ['http://{net.MONITOR_ADDRESS}:9090']
  interval: 2s
  timeout: 1s
  max_age: 5s

evidence:
  rtt: 'probe_icmp_duration_seconds{{job="anycast-icmp",phase="rtt"}}'
  loss: 'probe_success{{job="anycast-icmp"}}'
  labels: {{node: node, carrier: carrier, region: region, upstream: upstream}}
  window: 20s
  scrape: 500ms
  min_samples: 20

regions: [{', '.join(net.REGIONS)}]
carriers: [{', '.join(net.CARRIERS)}]

thresholds:
  default:
    rtt: {{warn: 90ms, bad: 120ms, clear: 100ms}}
    loss: {{warn: 5%, bad: 10%, clear: 6%}}
    jitter: {{warn: 60ms, bad: 100ms, clear: 80ms}}
    regions: 2
    for: 4s
    clear_for: 10s

upstreams:
{upstreams}

nodes:
{nodes}

policy:
  carrier_bad:
    - {{do: prepend, count: 2, settle: 60s}}
    - {{do: withdraw, settle: 10s}}
  restore: {{settle: 10s}}
  drain: {{settle: 5s}}

guards:
  min_nodes: 2
  min_paths_per_carrier: 1
  max_changes: {{count: 60, per: 1h}}
  hold_after_change: 6s
  turn: 6s
  confirm: 6s
  damping: {{half_life: 1s}}            # minutes of the real world are seconds here
  reannounce: {{after: 10s, most: 2m}}
  reversal: {{after: 0s, most: 0s}}

fleet: {{announcements: anycast_announces, max_age: 10s}}
router: {{templates: {templates}, timeout: 2s}}
"""


def on_node(node, folder, kind):
    """The drop-in with what only this node has: its routing daemon, its paths and addresses."""
    sockets = {"bird": "bird.ctl", "frr": "vty/bgpd.vty"}
    return f"""node: {node.name}
router:
  kind: {kind}
  socket: {folder}/{sockets[kind]}
  config: {folder}/{kind}.conf
  fragment: {folder}/run/{kind}.conf
web: {{listen: '{net.MANAGEMENT_ADDRESS[node.name]}:9477'}}
control: {{socket: {folder}/ctl.sock}}
history: {{file: {folder}/history.db}}
"""
