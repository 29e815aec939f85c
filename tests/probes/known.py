"""What exists: metrics with their labels, guards, runbooks, documents. Everything is read where it is defined."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "probes/rules"
RUNBOOKS = ROOT / "deploy/docs/runbooks"

# What the exporters at the probes and Prometheus itself write (blackbox_exporter 0.23).
FOREIGN = {
    "up": {"job", "instance"},
    "probe_success": set(),
    "probe_icmp_duration_seconds": {"phase"},
    "probe_icmp_reply_hop_limit": set(),
}
# What our scrape configuration adds to every sample.
ADDED = {"job", "instance", "node", "upstream", "carrier", "region"}
SUFFIXES = ("_bucket", "_sum", "_count")


def metrics_of_code():
    """Every family that the daemon can print."""
    names = set()
    for source in (ROOT / "controller/app").glob("metrics*.cpp"):
        text = source.read_text()
        names |= set(re.findall(r'(?:family\(|single\(out,)\s*"([a-z_]+)"', text))
    return names


def metrics_of_page():
    """{name: (type, labels)} as anycastd-metrics(7) says."""
    page = (ROOT / "deploy/man/anycastd-metrics.7.scd").read_text()
    out = {}
    for name, kind, labels in re.findall(r"^\*([a-z_]+)\* \((\w+)(?:, ([^)]*))?\)$", page, re.M):
        out[name] = (kind, set(re.findall(r"\w+", labels)))
    return out


def served_paths():
    """What the daemon answers at; /v1/orders is also the beginning of a ticket's own path."""
    served = set()
    for source, part in (("api.cpp", r"kKnown = \{(.*?)\};"), ("page_files.cpp.in", r"kFiles = \{(.*)\};")):
        text = re.search(part, (ROOT / "controller/app" / source).read_text(), re.S).group(1)
        served |= set(re.findall(r'"(/[\w./]*)"', text))
    return served


def rules(path):
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def all_rules():
    return [rule for path in sorted(RULES.glob("*.yml")) for rule in rules(path)]


def labels_of(name):
    """The labels that a metric may have, or None where there is no such metric."""
    page = metrics_of_page()
    for suffix in ("", *SUFFIXES):
        base = name.removesuffix(suffix) if suffix else name
        if base in page:
            return page[base][1] | {"job", "instance"} | ({"le"} if suffix == "_bucket" else set())
    if name in FOREIGN:
        return FOREIGN[name] | ADDED
    return None


# Words of PromQL that are no metrics.
PROMQL = set(
    "by without on ignoring group_left group_right and or unless bool offset sum min max avg count group topk bottomk "
    "quantile stddev inf nan".split()
)


def metrics_in(expression):
    """[(metric, labels it is selected by)] of a PromQL expression."""
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", expression)
    text = re.sub(r"\[[^\]]*\]", " ", text)
    found = []
    for match in re.finditer(r'(?<![\w:".$])([a-zA-Z_:][\w:]*)\s*(\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\})?(\s*\()?', blank_texts(text)):
        name, braces, call = match.groups()
        if call or name in PROMQL:
            continue
        found.append((name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", braces or ""))))
    return found


def blank_texts(text):
    """The same without what stands in quotes."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
