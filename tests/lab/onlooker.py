"""Somebody who looks at a node's status page in a real browser in the lab, and notes when it shows what."""

import contextlib
import json
import sys
import tempfile
from pathlib import Path

# After this folder: both have a stand_in of their own.
sys.path.append(str(Path(__file__).resolve().parents[1] / "probes"))

from api import call  # noqa: E402
from browser import browser  # noqa: E402
from faults import unix  # noqa: E402

from lab import topology as net  # noqa: E402
from lab.hosts import wait_until  # noqa: E402

# The page's own clock says when a row is there, so that it does not matter how often anybody asks.
# What is kept in the window is gone with the document.
NOTE = """
window.noted = {};
const note = () => {
  for (const link of document.querySelectorAll("#decisions [data-key^='decision ']")) {
    const row = link.dataset.key.split(" ")[1];
    window.noted[row] ??= {at: Date.now(), text: link.closest("td").textContent};
  }
};
const page = document.getElementById("page");
new MutationObserver(note).observe(page, {childList: true, subtree: true});
note();
"""
LIVE = """
return ["#state [data-word=live]", "#decisions h2"].every((e) => document.querySelector(e));
"""


class Onlooker:
    def __init__(self, lab, node):
        self._lab, self._node, self._open = lab, node, contextlib.ExitStack()
        folder = self._open.enter_context(tempfile.TemporaryDirectory())
        try:
            # Where the monitoring is, all nodes can be reached.
            there = lab.hosts.command(net.MONITOR, [])
            self._browser = self._open.enter_context(browser(folder, there))
            self._browser.go(f"http://{net.MANAGEMENT_ADDRESS[node]}:9477/#lang=en")
            wait_until(lambda: self._browser.run(LIVE), 60, f"the page of {node}")
            self._browser.run(NOTE)
        except BaseException:
            self._open.close()
            raise

    def close(self):
        self._open.close()

    def _steps(self):
        code, said = call(self._lab.control_socket(self._node), "GET", "/v1/history?n=40")
        assert code == 200, said
        return [e for e in json.loads(said)["entries"] if e["kind"].startswith("step-")]

    def delays(self):
        """[(text of a step, seconds from its entry in the history to its row in the page)]."""
        steps = self._steps()
        noted = {}

        def all_there():
            noted.update(self._browser.run("return window.noted ?? null;") or {})
            return all(str(e["row"]) in noted for e in steps)

        wait_until(all_there, 60, "all steps in a page that was not loaded anew")
        for e in steps:
            shown = noted[str(e["row"])]["text"]
            assert shown == f"{e['text']} #{e['decision']}", (shown, e)
        return [(e["text"], noted[str(e["row"])]["at"] / 1000 - unix(e["time"])) for e in steps]
