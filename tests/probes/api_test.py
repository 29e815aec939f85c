"""The HTTP API against its description, deploy/docs/openapi.yaml: the same paths, parameters, codes and members, both ways."""

import contextlib
import http.client
import json
import re
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import jsonschema
import yaml
from exporters_test import BUILD
from known import ROOT, served_paths
from node import CARRIERS, NODES, UPSTREAMS, NodeTest
from processes import fetch, free_port, needs, running

SPEC = yaml.safe_load((ROOT / "deploy/docs/openapi.yaml").read_text())
# What shows in an answer that is good for nothing else, with a value that every path that knows it takes.
VALUES = {
    "format": "json", "width": "100", "node": "hk-idc-1", "carrier": "mobile", "upstream": "cmi", "about": "cmi", "decision": "1",
    "since": "2026-06-01T12:00:00Z", "until": "2026-06-01T12:00:00Z", "kind": "blind", "after": "0", "n": "1", "hours": "1",
}  # fmt: skip
# Faults that nobody can bring about from outside.
OWN_FAULTS = {"500", "503"}


def closed(schema):
    """The same, taking no member that it does not name: the daemon has no others."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        out.setdefault("additionalProperties", False)
    return out


CLOSED = closed(SPEC["components"])


def members_of(part):
    """The name of every member, at any depth."""
    if isinstance(part, dict):
        yield from part["properties"] if isinstance(part.get("properties"), dict) and "type" in part else ()
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from members_of(each)


def resolved(part):
    while "$ref" in part:
        part = SPEC["components"][part["$ref"].split("/")[2]][part["$ref"].split("/")[3]]
    return part


def operations():
    """[(path, method, operation)] of a daemon."""
    for path, methods in SPEC["paths"].items():
        for method, operation in methods.items():
            if operation["tags"] != ["replay"]:
                yield path, method.upper(), operation


def parameters(operation):
    return {p["name"] for p in map(resolved, operation.get("parameters", [])) if p["in"] == "query"}


def faults_of(operation, status, kind, body):
    """What is wrong with an answer by its description."""
    response = operation["responses"].get(str(status))
    if response is None:
        return [f"{status} is not described: {body[:300]}"]
    content = resolved(response).get("content", {None: {"schema": {}}})
    kind = kind and kind.partition(";")[0]
    if kind not in content:
        return [f"{kind} is not described"]
    schema = content[kind]["schema"]
    value = json.loads(body) if kind == "application/json" else body
    validator = jsonschema.Draft202012Validator({"components": CLOSED, **schema})
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]


class Description(unittest.TestCase):
    def test_it_has_the_paths_that_the_daemon_serves_and_no_other(self):
        described = {path.replace("/{ticket}", "") for path, _, _ in operations()}
        self.assertEqual(described, served_paths())
        self.assertEqual(set(SPEC["paths"]) - {path for path, _, _ in operations()}, {"/v1/replay"})

    def test_no_comma_of_a_sentence_has_become_a_key(self):
        keys = [SPEC]
        while keys:
            part = keys.pop()
            self.assertNotIn(None, part.values() if isinstance(part, dict) else (), part)
            keys += part.values() if isinstance(part, dict) else part if isinstance(part, list) else []

    def test_every_schema_is_one_and_is_used(self):
        text = (ROOT / "deploy/docs/openapi.yaml").read_text()
        for kind, parts in SPEC["components"].items():
            for name, part in parts.items():
                with self.subTest(name):
                    self.assertIn(f"'#/components/{kind}/{name}'", text)
                    if kind == "schemas":
                        jsonschema.Draft202012Validator.check_schema(part)

    def test_every_member_that_it_names_is_one_of_the_daemon(self):
        code = "".join(source.read_text() for source in (ROOT / "controller/app").glob("*.cpp"))
        members = set(members_of(SPEC["components"]["schemas"]))
        self.assertGreater(len(members), 150)
        self.assertEqual({name for name in members if f'"{name}"' not in code}, set())

    def test_its_orders_are_those_that_are_read(self):
        source = (ROOT / "controller/app/api_order.cpp").read_text()
        order = SPEC["components"]["schemas"]["Order"]["properties"]
        self.assertEqual(set(order), set(re.findall(r'"(\w+)"', re.search(r"kMembers = \{(.*?)\};", source, re.S)[1])))
        kinds = re.findall(r'\{Kind::\w+, "(\w+)"\}', (ROOT / "controller/model/order.cpp").read_text())
        self.assertEqual(order["kind"]["enum"], kinds)


@needs("bird")
class Api(NodeTest):
    def tcp(self):
        return http.client.HTTPConnection("127.0.0.1", self.web, timeout=30)

    def ask(self, connect, method, path, body=None, headers=()):
        """(status, content type, text) of an answer; of a stream its first event."""
        with contextlib.closing(connect()) as connection:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            kind = answer.headers["Content-Type"]
            text = answer.read() if kind != "text/event-stream" else b"".join(answer.readline() for _ in range(4))
        return answer.status, kind, text.decode()

    def check(self, operation, *asked, **more):
        status, kind, text = self.ask(*asked, **more)
        self.assertEqual(faults_of(operation, status, kind, text), [], asked)
        return status, text

    def get(self, path):
        """The operation of a path."""
        return SPEC["paths"][path]["get"]

    def test_every_answer_is_as_it_is_described_on_the_port_and_on_the_socket(self):
        for path, method, operation in operations():
            if method == "POST" or "{" in path:
                continue
            for connect in (self.tcp, self.control):
                with self.subTest(path, by=connect.__name__):
                    status, text = self.check(operation, connect, "GET", path)
                    self.assertEqual(status, 200)
                    self.assertNotEqual(text, "")
                    self.assertEqual(self.ask(connect, "HEAD", path)[::2], (200, ""))
                    if "format" in parameters(operation):
                        status, kind, text = self.ask(connect, "GET", f"{path}?format=text&width=80")
                        self.assertEqual((status, faults_of(operation, status, kind, text)), (200, []))

    def test_an_event_is_a_status(self):
        text = self.ask(self.tcp, "GET", "/v1/events")[2]
        event = dict(line.split(": ", 1) for line in text.splitlines() if line)
        self.assertEqual((event["event"], set(event)), ("status", {"event", "id", "data"}))
        self.assertEqual(faults_of(self.get("/v1/status"), 200, "application/json", event["data"]), [])

    def test_every_story_is_as_it_is_described(self):
        for node in NODES:
            for about in [*(f"carrier={carrier}" for carrier in CARRIERS), *(f"upstream={upstream}" for upstream in UPSTREAMS)]:
                with self.subTest(node=node, about=about):
                    self.check(self.get("/v1/explain"), self.tcp, "GET", f"/v1/explain?node={node}&{about}")

    def test_a_report_takes_the_parameters_that_are_described_and_no_other(self):
        source = (ROOT / "controller/app/api.cpp").read_text()
        lists = re.findall(r"stray\(request,\s*\{(.*?)\}", source, re.S)
        self.assertEqual({name for words in lists for name in re.findall(r'"(\w+)"', words)}, set(VALUES))
        for path, method, operation in operations():
            if operation["tags"] == ["reports"]:
                for name, value in VALUES.items():
                    with self.subTest(path, parameter=name):
                        _, text = self.check(operation, self.control, method, f"{path}?{name}={value}")
                        refused = text.startswith("{") and f"unknown parameter '{name}'" in text
                        self.assertEqual(refused, name not in parameters(operation), text[:200])

    def test_the_bounds_of_parameters_are_those_that_are_described(self):
        seen = 0
        for path, method, operation in operations():
            for parameter in map(resolved, operation.get("parameters", [])):
                for bound, beyond in (("minimum", -1), ("maximum", 1)):
                    if bound not in parameter["schema"] or parameter["in"] != "query":
                        continue
                    seen += 1
                    at = parameter["schema"][bound]
                    more = "&format=text" if parameter["name"] == "width" else ""
                    with self.subTest(path, parameter=parameter["name"], bound=bound):
                        ask = lambda value: self.ask(self.control, method, f"{path}?{parameter['name']}={value}{more}")[0]
                        self.assertEqual(ask(at + beyond), 400)
                        self.assertNotEqual(ask(at), 400)
        self.assertGreater(seen, 10)

    def provoked(self, path, method):
        """{code: what asks for it} of an operation: (connect, method, path, body, headers)."""
        here = path.replace("{ticket}", "1")
        wrong = {"/v1/orders": (here, "nothing"), "/v1/orders/{ticket}": ("/v1/orders/x", None)}.get(path, (f"{here}?ormat=text", None))
        body = {"413": (self.control, method, here, "x" * 70_000, {})} if method == "POST" else {}
        return body | {
            "400": (self.control, method, *wrong, {}),
            "403": (self.tcp, method, here, None, {"Host": "evil.example"}),
            "404": (self.control, method, f"{here}?node=nowhere", None, {}),
            "405": (self.control, "DELETE", here, None, {}),
            "431": (self.control, method, here, None, {"X-Long": "x" * 20_000}),
        }

    def test_every_refusal_is_as_it_is_described(self):
        for path, method, operation in operations():
            described = {code for code in operation["responses"] if code >= "400"} - OWN_FAULTS - {"422"}
            answered = set()
            for code, asked in self.provoked(path, method).items():
                with self.subTest(path, code=code):
                    status, _ = self.check(operation, *asked)
                    answered.add(str(status))
            self.assertEqual({code for code in answered if code >= "400"}, described, path)

    def test_the_health_check_of_a_container_fails_only_where_the_daemon_does_not_answer(self):
        recipe = (ROOT / "deploy/container/Containerfile").read_text()
        check = json.loads(re.search(r"^  CMD (\[.*\])$", recipe, re.M)[1])
        self.assertEqual(self.status()["health"], "degraded")
        for socket, code, word in ((self.folder / "ctl.sock", 0, "WARNING"), (self.folder / "nobody", 1, "UNKNOWN")):
            words = [word.replace("/usr/bin/anycastctl", f"{BUILD}/anycastctl -s {socket}") for word in check]
            done = subprocess.run(words, capture_output=True, text=True)
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            self.assertIn(f"ANYCAST {word}", done.stdout)

    def order(self, **order):
        """What became of it."""
        post, reply = SPEC["paths"]["/v1/orders"]["post"], self.get("/v1/orders/{ticket}")
        body = {"reason": "a test", **order}
        self.assertEqual(list(jsonschema.Draft202012Validator({"components": CLOSED, **CLOSED["schemas"]["Order"]}).iter_errors(body)), [])
        status, text = self.check(post, self.control, "POST", "/v1/orders", json.dumps(body))
        self.assertEqual(status, 202, text)
        deadline = time.monotonic() + 60
        while True:
            status, text = self.check(reply, self.control, "GET", f"/v1/orders/{json.loads(text)['ticket']}")
            if status == 200:
                return json.loads(text)
            self.assertLess(time.monotonic(), deadline, text)
            time.sleep(0.1)

    def test_orders_and_what_they_leave_are_as_they_are_described(self):
        orders = [
            ({"kind": "freeze", "for_seconds": 600}, "freeze", lambda status: status["freeze"]),
            ({"kind": "pin", "upstream": "cmi", "stance": "prepend=1", "for_seconds": 600, "force": True}, "pin", None),
            ({"kind": "drain", "now": True, "for_seconds": 600}, "drain", None),
            ({"kind": "unpin", "upstream": "cmi"}, "unpin", None),
            ({"kind": "undrain"}, "undrain", None),
            ({"kind": "unfreeze"}, "unfreeze", lambda status: not status["freeze"]),
        ]
        outcomes = {}
        for order, name, left in orders:
            with self.subTest(name):
                outcomes[name] = self.order(**order)["outcome"]
                for path in ("/v1/status", "/v1/plan", "/v1/explain", "/v1/history"):
                    self.check(self.get(path), self.tcp, "GET", path)
                if left:
                    self.assertTrue(left(self.report("/v1/status")))
        self.assertEqual((outcomes["freeze"], outcomes["unfreeze"]), ("done", "done"), outcomes)

    def test_a_reload_is_taken_or_refused_as_it_is_described(self):
        reload = SPEC["paths"]["/v1/reload"]["post"]
        config = self.folder / "anycastd.yaml"
        good = config.read_text()
        self.addCleanup(self.check, reload, self.control, "POST", "/v1/reload")
        self.addCleanup(config.write_text, good)
        config.write_text(good + "nonsense: 1\n")
        self.assertEqual(self.check(reload, self.control, "POST", "/v1/reload")[0], 422)
        self.assertIsNotNone(json.loads(self.check(self.get("/v1/config"), self.tcp, "GET", "/v1/config")[1])["reload_error"])
        config.write_text(good)
        self.assertEqual(self.check(reload, self.control, "POST", "/v1/reload")[0], 200)


class Evening(unittest.TestCase):
    """Runs in which something is done, moment by moment."""

    def compare(self, *words):
        """Every report of each moment at which something was done, by its description; what was printed, and the line of time."""
        port = free_port()
        connect = lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        words = (BUILD / "anycastctl", *words, "--serve", f"127.0.0.1:{port}")
        with tempfile.TemporaryDirectory() as folder, running(*words, folder=folder) as played:
            line = json.loads(fetch(connect, "/v1/replay", played))
            faults = faults_of(SPEC["paths"]["/v1/replay"]["get"], 200, "application/json", json.dumps(line))
            self.assertEqual(faults, [])
            at = sorted({mark["time"] for mark in line["marks"]} | {line["from"], line["time"]})
            decisions = [mark["decision"] for mark in line["marks"] if mark["decision"]]
            asked = [f"{path}?at={time}" for time in at for path in ("/v1/status", "/v1/plan", "/v1/explain", "/v1/probes", "/v1/series")]
            asked += ["/v1/history?n=1000", *(f"/v1/explain?decision={number}" for number in decisions)]
            self.assertGreater(len(decisions), 3)
            for path in asked:
                with self.subTest(path):
                    text = fetch(connect, path, played)
                    self.assertEqual(faults_of(SPEC["paths"][path.partition("?")[0]]["get"], 200, "application/json", text), [])
            return Path(folder, "log").read_text(), line

    def test_every_moment_of_the_demo_is_as_it_is_described(self):
        self.compare("demo")

    def test_every_moment_of_a_recorded_evening_is_as_it_is_described(self):
        """What the lab's Prometheus held: its own steps are on the page, and what is printed is what it is without one."""
        words = ("replay", ROOT / "tests/golden/lab.trace")
        printed, line = self.compare(*words)
        alone = subprocess.run([BUILD / "anycastctl", *words], capture_output=True, text=True, check=True).stdout
        self.assertEqual(printed.rpartition("the page of hk-idc-1")[0], alone)
        steps = [mark["kind"] for mark in line["marks"] if mark["upstream"]]
        self.assertEqual(steps, ["step-prepend", "step-withdraw", "step-prepend", "step-announce"])
        nobody = subprocess.run([BUILD / "anycastctl", *words, "--serve", "--page", "nobody"], capture_output=True, text=True)
        self.assertEqual(nobody.returncode, 64)
        self.assertIn("no node 'nobody' in this world; there are: hk-ali-1, hk-aws-1, hk-idc-1", nobody.stderr)


if __name__ == "__main__":
    unittest.main()
