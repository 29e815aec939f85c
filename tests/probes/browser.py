"""A headless Chromium, driven over chromedriver's own HTTP (https://www.w3.org/TR/webdriver2/)."""

import base64
import contextlib
import http.client
import json
import shlex
import tempfile
import time
from pathlib import Path

from known import ROOT
from processes import free_port, running

AXE = ROOT / "build/axe/package/axe.min.js"  # tests/run fetches it
# Every rule but the experimental ones, and what axe cannot tell counts as wrong; but it cannot tell a contrast in a picture
# or out of sight, and these the page's test measures itself.
CHECK = """
const look = async () => {
  let same = true; // a page that is drawn anew meanwhile is half old and half new
  const watch = new MutationObserver(() => { same = false; });
  watch.observe(document.getElementById("page"), {childList: true, subtree: true});
  const found = await axe.run(document, {resultTypes: ["violations", "incomplete"]});
  watch.disconnect();
  return same ? found : look();
};
return look().then(({violations, incomplete}) =>
  [...violations, ...incomplete.filter((rule) => rule.id !== "color-contrast")].flatMap((rule) => rule.nodes.map((node) =>
    [rule.id, node.target.join(" "), ...[...node.any, ...node.all, ...node.none].map((check) => check.message)].join("; "))));
"""

PATIENCE = 300  # seconds; axe-core computes for a while, and the machine may have others to serve

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --force-color-profile=srgb --hide-scrollbars""".split()


class BrowserError(Exception):
    pass


class Browser:
    def __init__(self, port):
        self.port = port
        self.session = ""

    def call(self, method, path, body=None):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=2 * PATIENCE)) as connection:
            text = None if method != "POST" else json.dumps(body or {})
            connection.request(method, self.session + path, text, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            value = json.loads(answer.read())["value"]
        if answer.status != 200:
            raise BrowserError(f"{method} {path}: {value['error']}: {value['message']}")
        return value

    def go(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """What a function body returns in the page; a promise is waited for."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def command(self, name, **parameters):
        """One of Chromium's own (https://chromedevtools.github.io/devtools-protocol/)."""
        return self.call("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def look(self, width, scheme):
        """A window so wide, in a light or a dark scheme."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": scheme}
        self.command("Emulation.setEmulatedMedia", media="", features=[scheme])

    def picture(self, width, height):
        """The upper part of the page as PNG."""
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(shot["data"])

    def press(self, key):
        """A key, as the keyboard gives it (\\ue004 is Tab, \\ue007 Enter)."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})

    def breaches(self):
        """What axe-core finds wrong with the page as it is: the rule, the element and its fault of each."""
        if not self.run("return 'axe' in window;"):
            self.run(AXE.read_text())
        return self.run(CHECK)

    def complaints(self):
        """What the console has got since the last time: errors of scripts, of loading, of the content policy."""
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]


def reached_by(command, folder):
    """A program that is Chromium, run by a command like `ip netns exec NAME`: the page is asked for from there."""
    program = Path(folder, "chromium")
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} chromium "$@"\n')
    program.chmod(0o755)
    return {"binary": str(program)}


@contextlib.contextmanager
def browser(folder, command=()):
    """A browser that keeps what is its own in FOLDER. With a command it is run by that one, and may be in another network:
    then a pipe and no port leads to it."""
    port = free_port()
    flags = [*FLAGS, "--remote-debugging-pipe"] if command else FLAGS
    where = reached_by(command, folder) if command else {}
    with running("chromedriver", f"--port={port}", folder=folder) as driver, tempfile.TemporaryDirectory() as data:
        one = Browser(port)
        wanted = {
            "browserName": "chrome",
            "timeouts": {"script": PATIENCE * 1000},
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": [*flags, f"--user-data-dir={data}"], **where},
        }
        deadline = time.monotonic() + 30
        while True:
            try:
                started = one.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline or driver.poll() is not None:
                    raise
                time.sleep(0.05)
        one.session = f"/session/{started['sessionId']}"
        try:
            yield one
        finally:
            with contextlib.suppress(OSError, BrowserError):
                one.call("DELETE", "")
