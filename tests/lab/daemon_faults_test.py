"""anycastd itself ends, comes back and gets new configurations: nobody hears any of it."""

import os
import signal
import time
import unittest

from faults import NODE, UPSTREAM, FaultTest, net

PROCESS = f"anycastd.{NODE}"


class DaemonFaults(FaultTest):
    NAME = "df"

    def setUp(self):
        self.until_run()
        self.before = self.heard()

    def tearDown(self):
        self.assert_only_stances()

    @property
    def drop_in(self):
        return self.lab.folder(NODE) / "conf.d" / "test.yaml"

    def hang_up(self):
        os.kill(self.lab.hosts.running(PROCESS), signal.SIGHUP)

    def config(self):
        return self.status()["config"]

    def pinned(self):
        self.post(
            "/v1/orders",
            {"kind": "pin", "upstream": UPSTREAM, "stance": "prepend=2", "reason": "test"},
        )
        self.until_said(2, 60)
        self.addCleanup(self.until_said, 0, 60)
        self.addCleanup(
            self.post, "/v1/orders", {"kind": "unpin", "upstream": UPSTREAM, "reason": "test"}
        )

    def test_ending_and_coming_back_changes_nothing(self):
        self.pinned()
        before = self.heard()
        for how, code in [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)]:
            with self.subTest(how=how):
                child = self.lab.hosts._children[PROCESS]
                os.kill(self.lab.hosts.running(PROCESS), how)
                self.assertEqual(child.wait(30), code)
                self.assert_nothing_heard(before, 8)
                self.lab.start_anycastd(NODE)
                self.until(lambda: self.lab.ready(NODE), 60, "evidence")
                self.until_run()
                self.assert_nothing_heard(before, 6)
                mine = next(u for u in self.status()["upstreams"] if u["name"] == UPSTREAM)
                self.assertEqual(mine["wanted"], {"state": "prepended", "prepend": 2})
                self.assertTrue(mine["in_sync"])

    def test_a_broken_configuration_is_refused_and_told_until_a_good_one_comes(self):
        good = self.config()
        self.assertTrue(good["last_reload_ok"])
        self.addCleanup(self.drop_in.unlink, missing_ok=True)
        for text, words in [
            ("guards: {min_nodes: [\n", "test.yaml:"),
            ("guards: {min_nodes: many}\n", "many"),
            ("gaurds: {min_nodes: 2}\n", "gaurds"),
        ]:
            with self.subTest(text=text):
                self.drop_in.write_text(text)
                self.hang_up()
                self.until(lambda words=words: words in self.notices(), 30, "a word about it")
                self.assertIn("the last reload was refused", self.notices())
                self.assertFalse(self.config()["last_reload_ok"])
                self.assertEqual(self.config()["digest"], good["digest"])
                self.assertIn("refused configuration, the one in force stays", self.journal())
                code, said = self.post("/v1/reload")
                self.assertEqual(code, 422, said)
        self.drop_in.write_text("guards: {min_nodes: 3}\n")
        self.hang_up()
        self.until(lambda: self.status()["guards"]["min_nodes"] == 3, 30, "the new figure")
        self.assertTrue(self.config()["last_reload_ok"])
        self.assertNotEqual(self.config()["digest"], good["digest"])
        self.assertNotIn("refused", self.notices())
        self.drop_in.unlink()
        self.hang_up()
        self.until(lambda: self.config()["digest"] == good["digest"], 30, "the old configuration")
        self.until_run()
        self.assert_nothing_heard(self.before, 6)

    def test_an_address_that_a_reload_names_is_back_at_once_when_somebody_deletes_it(self):
        vip = f"{net.VIP}/32"

        def bound():
            return vip in self.lab.hosts.run(NODE, ["ip", "-o", "address", "show", "dev", "lo"])

        def kept():
            inside = self.status()["local"]["inside"] or {"vips": []}
            return any(one["address"] == vip and one["bound"] for one in inside["vips"])

        self.addCleanup(self.drop_in.unlink, missing_ok=True)
        self.drop_in.write_text(f"nodes: {{{NODE}: {{local: {{link: lo}}}}}}\n")
        self.hang_up()
        self.until(kept, 30, "the address among those that are kept")
        # A cycle puts it back as well, but what is deleted right after one waits for the next.
        times, interval = 5, 2
        began = time.monotonic()
        for _ in range(times):
            self.lab.hosts.run(NODE, ["ip", "address", "del", vip, "dev", "lo"])
            self.until(bound, 10, "the address")
        self.assertLess(time.monotonic() - began, (times - 1) * interval)
        self.drop_in.unlink()
        self.hang_up()
        self.until(lambda: "not in the configuration any more" in self.notices(), 30, "a word")
        self.assertTrue(bound(), "what is no longer named stays while the node announces")
        self.assert_nothing_heard(self.before, 4)

    def test_a_missing_configuration_is_refused_too(self):
        good = self.config()
        path = self.lab.folder(NODE) / "anycastd.yaml"
        away = path.with_suffix(".away")
        path.rename(away)
        try:
            self.hang_up()
            self.until(lambda: not self.config()["last_reload_ok"], 30, "a word about it")
            self.assertIn(str(path), self.notices())
        finally:
            away.rename(path)
        self.hang_up()
        self.until(lambda: self.config()["last_reload_ok"], 30, "the reload")
        self.until(lambda: self.config()["digest"] == good["digest"], 30, "the configuration")
        self.assert_nothing_heard(self.before, 6)


if __name__ == "__main__":
    unittest.main(verbosity=2)
