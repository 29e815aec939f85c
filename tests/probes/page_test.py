"""The status page in a real browser: what it shows is what the API says, whoever looks and however."""

import calendar
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from pathlib import Path

from browser import browser
from exporters_test import BUILD
from node import CARRIERS, NODES, NodeTest
from processes import fetch, free_port, needs, running

HISTORY = "/v1/history?n=40"
SERIES = "/v1/series?hours=24"

# The page's figures with their places, and every other text that somebody can see.
SHOWN = """
const figures = [...document.querySelectorAll("[data-from]")].map((e) =>
  ({source: e.dataset.source, place: e.dataset.from, as: e.dataset.as, text: e.textContent}));
const loose = [];
const walk = document.createTreeWalker(document.getElementById("page"), NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const above = walk.currentNode.parentElement;
  if (!above.closest("[data-from], pre, [data-word]")) loose.push(walk.currentNode.data);
}
const time = document.querySelector("[data-from='/time'][data-as='moment']");
return {figures, loose, time: time?.textContent, live: document.querySelector("#state [data-word='live']") !== null};
"""

# Contrast (WCAG 2.1, 1.4.3) of every text, names of what can be operated, and what is wider than the window.
FAULTS = """
const light = (c) => { const s = c / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; };
const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const ground = (e) => {
  for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3) return c; }
  return matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255];
};
const faults = [];
const walk = document.createTreeWalker(document.getElementById("page"), NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const e = walk.currentNode.parentElement;
  if (!walk.currentNode.data.trim() || !e.checkVisibility()) continue;
  const style = getComputedStyle(e);
  const [a, b] = [luminance(rgb(e instanceof SVGElement ? style.fill : style.color)), luminance(ground(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(1)}: ${walk.currentNode.data}`);
}
for (const e of document.querySelectorAll("a, button, pre"))
  if (!e.textContent.trim() && !e.getAttribute("aria-label")) faults.push(`no name: ${e.outerHTML}`);
for (const e of document.querySelectorAll("[aria-labelledby]"))
  if (!document.getElementById(e.getAttribute("aria-labelledby"))) faults.push(`no label: ${e.outerHTML}`);
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
if (new Set(ids).size !== ids.length) faults.push("an id twice");
for (const e of document.querySelectorAll("th")) if (!e.hasAttribute("scope")) faults.push(`no scope: ${e.outerHTML}`);
if (document.documentElement.scrollWidth > innerWidth) faults.push(`${document.documentElement.scrollWidth} px wide`);
return faults;
"""

# Where the keyboard may stop, and where it is: in words that the element keeps when the page is drawn anew.
NAMED = """
const named = (e) => [e.tagName, e.closest("[id]")?.id, e.dataset?.key ?? e.getAttribute("href") ?? ""].join(" ");
"""
STOPS = NAMED + """
return [...document.querySelectorAll("#page a, #page button, #page summary, #page [tabindex='0']")]
  .filter((e) => e.checkVisibility()).map(named);
"""
STOP = NAMED + """
const style = getComputedStyle(document.activeElement);
return [named(document.activeElement), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1];
"""


def rounded(number, digits):
    """As JavaScript's toFixed does it."""
    return str(Decimal(number).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def age(seconds):
    if seconds < 0:
        return "-" + age(-seconds)
    if seconds < 1:
        return f"{round(seconds * 10**6) // 1000}ms"
    s = int(seconds)
    for span, large, small, a, b in ((3600, 60, 1, "m", "s"), (86400, 3600, 60, "h", "m")):
        if s < 60:
            return f"{s}s"
        if s < span:
            return f"{s // large}{a}" + (f" {s % large // small}{b}" if s % large // small else "")
    hours = s // 3600
    return f"{hours // 24}d" + (f" {hours % 24}h" if hours % 24 else "")


def unix(text):
    return Decimal(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))) + Decimal(text[19:-1])


def clock(text, now):
    return text[11:19] if text[:10] == now[:10] else f"{text[:10]} {text[11:19]}"


def stance(value):
    asks = "".join(f", {carrier}: {ask}" for carrier, ask in value.get("asks", {}).items())
    return value["state"] + (f" {value['prepend']}" if value["state"] == "prepended" else "") + asks


def ms(seconds):
    value = round(seconds * 1e6) / 1000
    return rounded(value, 1 if abs(value) < 10 else 0) + "ms"


def share(ratio):
    percent = round(ratio * 1e6) / 1e4
    return rounded(percent, 1 if percent < 99.95 else 0) + "%"


# Written down again, and not read from the page: what the page may do to a value.
READ = {
    "text": lambda v, now: str(v),
    "count": lambda v, now: str(v),
    "list": lambda v, now: " ".join(v),
    "capitals": lambda v, now: v if v == "ok" else v.upper(),
    "verdict": lambda v, now: "BAD" if v == "bad" else v,
    "ms": lambda v, now: ms(v),
    "share": lambda v, now: share(v),
    "age": lambda v, now: age(v),
    "since": lambda v, now: age(max(Decimal(0), unix(now) - unix(v))),
    "clock": clock,
    "moment": lambda v, now: clock(v, ""),
    "hex": lambda v, now: f"{v:08x}",
    "stance": lambda v, now: stance(v),
}


def value_at(report, place):
    for key in place.split("/")[1:]:
        report = report[int(key)] if isinstance(report, list) else report[key]
    return report


def keep_picture(page, width, name):
    """For the documents, and no higher than a reader scrolls, where somebody says in which folder."""
    if folder := os.environ.get("ANYCASTD_SCREENSHOTS"):
        Path(folder, name).write_bytes(page.picture(width, 1700))


class Table(HTMLParser):
    """The rows of the first table of a page."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.inside = [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th")

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.rows[-1].append(data)


@needs("chromium", "chromedriver", "bird")
class Page(NodeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = cls.started.enter_context(browser(cls.place("browser")))
        cls.fill_plots()

    @classmethod
    def fill_plots(cls):
        """A day of points in the history of the node, with an hour's gap and an evening that is bad, and a step."""
        now = int(time.time())
        rows = []
        for i in range(288):
            at = (now - 86400) // 300 * 300 + 300 * i
            evening = max(0, 60 - abs(i - 150)) / 60
            for n, (node, upstreams) in enumerate(NODES.items()):
                for c, carrier in enumerate(CARRIERS):
                    if (carrier == "mobile" and "cmi" not in upstreams) or 40 <= i < 52:
                        continue
                    sick = evening if (node, carrier) == cls.fleet.bad else evening / 8
                    median = 35000 + 4000 * n + 6000 * c + int(180000 * sick) + i * 37 % 900
                    row = (300, at, node, carrier, "", 180, int(14 * sick), median - 4000 - int(9000 * sick))
                    rows.append((*row, median, median + 5000 + int(30000 * sick), 1500 + int(20000 * sick)))
        with contextlib.closing(sqlite3.connect(cls.folder / "history.db")) as history, history:
            history.executemany("INSERT OR REPLACE INTO plots VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
            history.execute("UPDATE plot_limits SET at_s = at_s - 90000")
            step = ((now - 40000) * 10**6, "step-prepend", "prepended 2 on cmi for 203.0.113.0/24 on hk-idc-1: mobile bad", "cmi")
            history.execute(
                "INSERT INTO events (at_us, kind, priority, text, upstream, carrier, node, \"from\", \"to\", cause, actor, decision)"
                " VALUES (?, ?, 5, ?, ?, '', 'hk-idc-1', '', '', 'carrier', '', 7)",
                step,
            )

    def shown(self, good=lambda shown: True):
        """What the page shows, once it is good."""
        deadline = time.monotonic() + 30
        while True:
            shown = self.browser.run(SHOWN)
            if good(shown):
                return shown
            self.assertLess(time.monotonic(), deadline, shown)
            time.sleep(0.05)

    def open(self, fragment="lang=en"):
        """The page with what it shows first; `fragment` is the part of its address that says what."""
        self.browser.go("about:blank")
        self.browser.go(f"http://127.0.0.1:{self.web}/#{fragment}")
        return self.shown(lambda shown: shown["live"] and {"/v1/status", HISTORY} <= {f["source"] for f in shown["figures"]})

    def test_every_number_on_the_page_is_that_of_the_api_at_the_same_moment(self):
        self.open()
        deadline = time.monotonic() + 60  # a new picture may come between the page's and the API's word, over and over
        while True:
            status, history = self.report("/v1/status"), self.report(HISTORY)
            shown = self.shown(lambda shown: shown["live"])
            if shown["time"] == clock(status["time"], "") and history == self.report(HISTORY) or time.monotonic() > deadline:
                break
        reports = {"/v1/status": status, HISTORY: history}
        self.assertGreater(len(shown["figures"]), 120)
        self.assertEqual({figure["source"] for figure in shown["figures"]}, {*reports, SERIES})
        for figure in shown["figures"]:
            if figure["source"] != SERIES:
                report = reports[figure["source"]]
                wanted = READ[figure["as"]](value_at(report, figure["place"]), report.get("time", ""))
                self.assertEqual(figure["text"], wanted, figure)
        self.assertEqual([text for text in shown["loose"] if re.search(r"\d", text)], [])
        places = {figure["place"] for figure in shown["figures"]}
        for place in ("/services/0/up", "/services/0/servers/0/why", "/inside/vips/0/address", "/inside/routes/0/to", "/inside/planned/0"):
            self.assertIn(f"/local{place}", places)
        for place in ("file", "digest", "since", "steps", "paths/0/state", "paths/0/live"):
            self.assertIn(f"/shadow/{place}", places)
        for i in range(len(status["cells"])):
            for measure in ("state", "rtt_seconds", "loss_ratio", "jitter_seconds"):
                self.assertIn(f"/cells/{i}/{measure}", places)

    def test_the_story_of_a_cell_is_the_text_of_explain(self):
        self.open("lang=en&node=hk-ali-1&carrier=mobile")
        script = "return [...document.querySelectorAll('pre')].map((e) => [e.dataset.source, e.textContent]);"
        deadline = time.monotonic() + 60
        while True:
            said = dict(self.browser.run(script))
            texts = {}
            for path in said:
                texts[path] = fetch(self.control, path, self.daemon)
            if texts == said or time.monotonic() > deadline:
                break
        self.assertEqual(texts, said)
        self.assertEqual([path.partition("?")[0] for path in said], ["/v1/explain", "/v1/plan"])

    def test_plots_show_the_points_that_are_kept_with_thresholds_and_marks(self):
        self.open()
        self.shown(lambda shown: any(figure["source"] == SERIES for figure in shown["figures"]))
        text = fetch(self.control, SERIES, self.daemon)
        self.assertLess(len(text), 300_000)
        report = json.loads(text)
        self.assertEqual(len(report["lines"]), 11)
        self.browser.run("for (const each of document.querySelectorAll('#plots details')) each.open = true;")
        self.shown(lambda shown: self.browser.run("return document.querySelectorAll('#plots details table').length;") == 11)
        # The page may have asked a span earlier than we do: compare by time.
        kept = {(line["node"], line["carrier"]): {} for line in report["lines"]}
        for line in report["lines"]:
            for point in line["points"]:
                at = int(unix(report["from"])) + point[0] * 300
                kept[line["node"], line["carrier"]][time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))] = point
        script = """return [...document.querySelectorAll('#plots figure')].map((f) => ({
          cell: [...f.querySelectorAll('figcaption [data-from]')].map((e) => e.textContent),
          rows: [...f.querySelectorAll('tbody tr')].map((r) => [...r.children].map((c) => c.textContent)),
          medians: f.querySelectorAll('.band').length, marks: f.querySelectorAll('svg a').length,
          limits: [...f.querySelectorAll('.limit-bad')].filter((e) => e.getAttribute('d').length > 5).length,
          name: document.getElementById(f.querySelector('svg').getAttribute('aria-labelledby'))?.textContent}));"""
        for plot in self.browser.run(script):
            with self.subTest(plot["name"]):
                points = kept[tuple(plot["cell"])]
                self.assertGreater(len(plot["rows"]), 20)
                for at, median, band, loss, jitter, sent in plot["rows"]:
                    today = time.strftime("%Y-%m-%d ", time.gmtime())
                    _, n, lost, p10, p50, p90, change = points[at if len(at) > 8 else today + at]
                    self.assertEqual(median, ms(p50 * 0.0001))
                    self.assertEqual(band, f"{ms(p10 * 0.0001)} - {ms(p90 * 0.0001)}")
                    self.assertEqual((loss, jitter, sent), (share(lost / n), ms(change * 0.0001), str(n)))
                self.assertEqual(plot["medians"], 2, "the gap is not joined")
                self.assertEqual(plot["limits"], 3)
                self.assertEqual(plot["marks"], int(plot["cell"] == ["hk-idc-1", "mobile"]))
        self.assertEqual(self.browser.complaints(), [])

    def streams(self):
        """How many event streams have ever been opened."""
        text = fetch(self.control, "/metrics", self.daemon)
        return int(re.search(r'handler="/v1/events",code="200"} (\d+)', text).group(1))

    def test_new_pictures_are_pushed_into_the_same_document(self):
        seen = self.open()["time"]
        opened = self.streams()
        self.browser.run("window.sameDocument = true;")
        for _ in range(3):
            seen = self.shown(lambda shown, seen=seen: shown["time"] not in (None, seen))["time"]
        self.assertTrue(self.browser.run("return window.sameDocument;"))
        self.assertEqual(self.streams(), opened, "the page had to ask again")

    def test_text_from_outside_stays_text(self):
        hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
        self.fleet.warnings = [hostile]
        self.addCleanup(self.status, lambda status: not status["evidence"]["partial"])
        self.addCleanup(self.fleet.warnings.clear)
        self.open()
        self.shown(lambda shown: any("<script>" in figure["text"] for figure in shown["figures"]))
        self.assertEqual(self.browser.run("return document.querySelectorAll('img, body script').length;"), 0)
        plain = fetch(lambda: http.client.HTTPConnection("127.0.0.1", self.web), "/", self.daemon)
        self.assertIn("&lt;script&gt;", plain)
        self.assertNotIn("<img", plain)
        self.assertEqual(self.browser.complaints(), [])

    def test_it_is_readable_at_every_width_in_both_schemes_and_languages(self):
        for language in ("en", "zh"):
            self.open(f"lang={language}")
            for width in (400, 1000, 1600):
                for scheme in ("light", "dark"):
                    with self.subTest(width=width, scheme=scheme, language=language):
                        self.browser.look(width, scheme)
                        self.assertEqual(self.browser.run(FAULTS) + self.browser.breaches(), [])
                        keep_picture(self.browser, width, f"page-{language}-{width}-{scheme}.png")
            self.assertEqual(self.browser.run("return document.documentElement.lang;"), {"zh": "zh-CN"}.get(language, language))
        self.assertEqual(self.browser.complaints(), [])

    def test_the_keyboard_reaches_a_cell_and_its_story(self):
        self.open()
        script = "return [document.activeElement.dataset.key ?? '', document.activeElement.textContent];"
        for _ in range(12):
            self.browser.press("\ue004")
            key, _ = self.browser.run(script)
            if key.startswith("cell "):
                break
        self.assertEqual(key, "cell hk-ali-1 telecom")
        self.browser.press("\ue007")
        told = "return document.querySelector('#story pre').dataset.source.startsWith('/v1/explain?node=hk-ali-1');"
        self.shown(lambda shown: self.browser.run(told))
        self.assertEqual(self.browser.run(script)[0], key, "a new picture takes the focus away")

    def test_the_keyboard_goes_once_through_all_that_can_be_operated_and_sees_where_it_is(self):
        self.open("lang=zh&node=hk-idc-1&carrier=mobile")
        self.shown(lambda shown: any(figure["source"] == SERIES for figure in shown["figures"]))
        self.browser.run("document.querySelector('#plots details').open = true;")
        self.assertEqual(self.browser.run(FAULTS) + self.browser.breaches(), [])
        stops = self.browser.run(STOPS)
        self.assertGreater(len(stops), 30)
        seen = []
        for _ in stops:
            self.browser.press("\ue004")
            seen.append(self.browser.run(STOP))
        self.assertEqual([stop for stop, _ in seen], stops)
        self.assertEqual([stop for stop, outlined in seen if not outlined], [])

    def test_the_keyboard_stays_where_it_was_whatever_it_changes(self):
        self.open("lang=zh&hours=168")
        self.shown(lambda shown: self.browser.run("return document.querySelector('#plots a') !== null;"))
        self.browser.press("\ue004")
        self.browser.press("\ue007")
        where = "return [document.activeElement.id, location.hash];"
        self.assertEqual(self.browser.run(where), ["matrix", "#lang=zh&hours=168"], "the way past the head")
        now_english = "return document.querySelector('[data-key=\"hours 24\"]').hash.includes('lang=en');"
        a_day = "return document.querySelector('[data-key=\"hours 24\"]').ariaCurrent === 'true';"
        for key, wanted, done in (
            ("language", "#lang=en&hours=168", now_english),
            ("hours 24", "#lang=en&hours=24", a_day),
        ):
            self.browser.run("document.querySelector(`[data-key='${arguments[0]}']`).focus();", key)
            self.browser.press("\ue007")
            self.shown(lambda shown, done=done: self.browser.run(done))
            self.assertEqual(self.browser.run("return [document.activeElement.dataset.key, location.hash];"), [key, wanted])

    def knock(self, text=b"", size=None):
        """A connection to the page's port that has said so much, and takes little."""
        one = socket.socket()
        if size:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        one.settimeout(60)  # where the queue is full the kernel asks again after one, three and seven seconds
        one.connect(("127.0.0.1", self.web))
        one.settimeout(5)
        with contextlib.suppress(OSError):
            one.sendall(text)
        return one

    def answered(self, text):
        """The code of the answer to a request, 0 without one."""
        with contextlib.closing(self.knock(text)) as one, contextlib.suppress(OSError):
            return int((one.recv(64) or b"HTTP/1.1 0").split()[1])
        return 0

    def pace(self, cycles):
        """How long so many cycles took, and how long the daemon took to answer meanwhile, each in seconds."""
        took, waited, seen = [], [], self.status()["cycle"]["count"]
        while len(took) < cycles:
            begin = time.monotonic()
            cycle = self.status()["cycle"]
            waited.append(time.monotonic() - begin)
            if cycle["count"] > seen:
                seen = cycle["count"]
                took.append(cycle["took_seconds"])
            time.sleep(0.1)
        return took, waited, self.status()["cycle"]["overruns"]

    def test_hostile_clients_cost_the_cycles_nothing_and_are_told_so(self):
        head = f"Host: 127.0.0.1:{self.web}\r\n".encode()
        stream = b"GET /v1/events HTTP/1.1\r\nConnection: close\r\n" + head + b"\r\n"
        self.browser.go("about:blank")  # whose page would be refused like the others
        before, waited, overruns = self.pace(1)
        print(f"cycles before: {max(before) * 1000:.0f} ms, answers {max(waited) * 1000:.0f} ms")
        with contextlib.ExitStack() as open_ones:
            keep = lambda one: open_ones.enter_context(contextlib.closing(one))
            streams = [keep(self.knock(stream)) for _ in range(1000)]
            codes = []
            for one in streams:
                with contextlib.suppress(OSError):
                    codes.append((one.recv(64) or b"- closed").split()[1])
            for _ in range(500):
                keep(self.knock())
            for _ in range(20):
                keep(self.knock(b"GET /v1/series?hours=24 HTTP/1.1\r\n" + head + b"\r\n", size=1024))
            during, waited, after = self.pace(2)
        print(f"cycles beside 1520 clients: {max(during) * 1000:.0f} ms, answers {max(waited) * 1000:.0f} ms")
        self.assertEqual(after, overruns, "a cycle took longer than its interval")
        self.assertIn(codes.count(b"200"), range(30, 33))  # of 32 places; one that the browser left may not be back yet
        self.assertEqual(set(codes), {b"200", b"503"})
        deadline = time.monotonic() + 30
        while self.answered(stream) != 200:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        self.assertEqual(self.answered(b"GET / HTTP/1.1\r\n" + head + b"X: " + b"x" * 100_000 + b"\r\n\r\n"), 431)
        for method, more in (("POST", b""), ("DELETE", b""), ("GET", b"Origin: https://evil.example\r\n")):
            request = f"{method} /v1/status HTTP/1.1\r\n".encode() + head + more + b"Content-Length: 0\r\n\r\n"
            self.assertEqual(self.answered(request), 403, method)

    def test_without_a_script_there_is_a_table(self):
        status = self.report("/v1/status")
        text = fetch(lambda: http.client.HTTPConnection("127.0.0.1", self.web), "/", self.daemon)
        rows = Table(text).rows
        self.assertEqual(rows[0], ["node", *CARRIERS])
        self.assertEqual([row[0] for row in rows[1:]], list(NODES))
        words = re.compile(r"(ok|warn|BAD) RTT [\d.]+ms loss [\d.]+% jitter [\d.]+ms|-")
        for row in rows[1:]:
            for cell in row[1:]:
                self.assertRegex(cell, words)
        self.assertEqual(len(status["cells"]), sum(cell != "-" for row in rows[1:] for cell in row[1:]))


@needs("chromium", "chromedriver")
class Replay(unittest.TestCase):
    """An evening that is over, moment by moment."""

    @classmethod
    def setUpClass(cls):
        cls.started = contextlib.ExitStack()
        cls.addClassCleanup(cls.started.close)
        folder = Path(cls.started.enter_context(tempfile.TemporaryDirectory()))
        cls.web = free_port()
        cls.played = cls.started.enter_context(
            running(BUILD / "anycastctl", "demo", "--serve", f"127.0.0.1:{cls.web}", folder=folder)
        )
        (folder / "browser").mkdir()
        cls.browser = cls.started.enter_context(browser(folder / "browser"))

    def report(self, path, at=None):
        if at:
            path += ("&" if "?" in path else "?") + "at=" + at
        return json.loads(fetch(lambda: http.client.HTTPConnection("127.0.0.1", self.web, timeout=5), path, self.played))

    def move(self, index):
        """The slider, as a hand moves it."""
        self.browser.run(
            "const s = document.querySelector('#replay input'); s.value = arguments[0]; s.dispatchEvent(new Event('input'));", index
        )

    def compare(self, at):
        """Everything that the page shows of a moment, once it shows it whole, with what the API says of it."""
        reports = {"/v1/replay": self.report("/v1/replay"), "/v1/status": self.report("/v1/status", at), HISTORY: self.report(HISTORY, at)}
        self.assertEqual(reports["/v1/status"]["time"], at)
        deadline = time.monotonic() + 60
        while True:
            shown = self.browser.run(SHOWN)
            figures = [figure for figure in shown["figures"] if figure["source"] in reports]
            wanted = []
            for figure in figures if shown["time"] == clock(at, "") else []:
                report = reports[figure["source"]]
                with contextlib.suppress(IndexError, KeyError):  # what is drawn next may have fewer
                    wanted.append(figure | {"text": READ[figure["as"]](value_at(report, figure["place"]), report.get("time", ""))})
            told = self.browser.run("return document.querySelector('#story pre')?.dataset.source ?? '';")
            if figures == wanted and {figure["source"] for figure in figures} == set(reports) and told or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        self.assertEqual(figures, wanted)
        self.assertGreater(len(figures), 100)
        self.assertTrue(told.startswith("/v1/explain"), told)
        self.assertEqual([text for text in shown["loose"] if re.search(r"\d", text)], [])
        return reports

    def test_the_slider_and_the_keys_lead_to_a_moment_and_the_page_shows_what_the_api_says_of_it(self):
        line = self.report("/v1/replay")
        step = next(mark for mark in line["marks"] if mark["upstream"])
        self.assertEqual(step["kind"], "step-prepend")
        self.assertLess(line["marks"][0]["time"], step["time"])
        moment = lambda i: time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(int(unix(line["from"])) + int(line["moments"][i])))
        self.browser.go(f"http://127.0.0.1:{self.web}/#lang=en&node=hk-idc-1&carrier=mobile")
        first = self.compare(step["time"])
        self.browser.run("document.querySelector('#replay input').focus();")
        steps = sorted({mark["time"] for mark in line["marks"]})
        at = steps.index(step["time"])
        self.browser.press("n")
        self.compare(steps[at + 1])
        self.browser.press("p")
        self.compare(steps[at])
        self.browser.press("p")
        self.compare(steps[at - 1])
        middle = len(line["moments"]) // 2
        self.move(middle)
        evening = self.compare(moment(middle))
        self.assertNotEqual(first["/v1/status"]["cells"], evening["/v1/status"]["cells"])
        self.browser.press("\ue014")
        self.compare(moment(middle + 1))
        for language in ("en", "zh"):
            self.browser.run("location.hash = `lang=${arguments[0]}`;", language)
            self.compare(moment(middle + 1))
            for width in (400, 1600):
                with self.subTest(width=width, language=language):
                    self.browser.look(width, "light")
                    self.assertEqual(self.browser.run(FAULTS) + self.browser.breaches(), [])
                    keep_picture(self.browser, width, f"replay-{language}-{width}-light.png")
        self.browser.run("document.querySelector('[data-key=replay_play]').click();")
        deadline = time.monotonic() + 60
        while unix(moment(middle + 1)) + 60 > unix(self.browser.run("return new URLSearchParams(location.hash.slice(1)).get('at');")):
            self.assertLess(time.monotonic(), deadline, "it does not play")
        self.assertEqual(self.browser.complaints(), [])

    def test_a_second_one_at_the_same_address_says_so_and_ctrl_c_is_a_good_end(self):
        self.report("/v1/replay")
        again = [BUILD / "anycastctl", "demo", "--serve", f"127.0.0.1:{self.web}"]
        taken = subprocess.run(again, capture_output=True, text=True, check=False)
        self.assertEqual((taken.returncode, taken.stdout), (1, ""))
        self.assertEqual(taken.stderr, f"anycastctl: cannot listen on 127.0.0.1:{self.web}: Address already in use\n")
        again[-1:] = ["somewhere"]
        wrong = subprocess.run(again, capture_output=True, text=True, check=False)
        self.assertEqual(wrong.returncode, 64)
        self.assertIn("cannot listen on 'somewhere', expected an address and a port", wrong.stderr)
        with tempfile.TemporaryDirectory() as folder, running(*again[:-1], f"127.0.0.1:{free_port()}", folder=folder) as other:
            deadline = time.monotonic() + 60
            while "until Ctrl-C" not in Path(folder, "log").read_text():
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            other.send_signal(signal.SIGINT)
            self.assertEqual(other.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
