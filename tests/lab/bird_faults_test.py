"""BIRD and the operator's files fail in every way they can, with a change due: what upstreams hear
is the old announcement or the wanted one, the status says why, and it goes on by itself after."""

import os
import signal
import subprocess
import threading
import time
import unittest

from faults import NODE, UPSTREAM, FaultTest, net, unix

OTHERS = ("hkbn", "pccw")
BIRD = f"bird.{NODE}"


class BirdFaults(FaultTest):
    NAME = "bf"

    def setUp(self):
        # After a test that failed, too, the next one begins with everything well.
        self.heal()
        self.until(lambda: self.router()["up"], 30, "BIRD's answer")
        self.until_said(0, 180)
        self.until_run()
        self.until_clean()
        self.until(lambda: self.cell()["state"] == "ok", 60, "a path that is well")
        self.before = self.heard()

    def tearDown(self):
        self.assert_only_stances()

    # The node's BIRD, and its operator

    @property
    def conf(self):
        return self.lab.folder(NODE) / "bird.conf"

    @property
    def fragment(self):
        return self.lab.folder(NODE) / "run" / "bird.conf"

    def birdc(self, *words):
        return self.lab.birdc(NODE, *words)

    def configure(self):
        said = self.birdc("configure")
        self.assertRegex(said, "Reconfigured|Reconfiguration in progress")

    def edit(self, path, old, new):
        """Edits a file as a person does; returns the old text."""
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1))
        return text

    # What the node says

    def router(self):
        return self.status()["local"]["router"]

    def upstream(self, name=UPSTREAM):
        return next(u for u in self.status()["upstreams"] if u["name"] == name)

    def order(self, kind, **members):
        code, said = self.post("/v1/orders", {"kind": kind, "reason": "test", **members})
        self.assertEqual(code, 202, said)
        return said["ticket"]

    # Forced: sessions that a test before has reset count against the flap-damping budget.
    def pin(self):
        self.order("pin", upstream=UPSTREAM, stance="prepend=2", force=True)
        self.addCleanup(self.order, "unpin", upstream=UPSTREAM, force=True)

    def unpin(self):
        self.order("unpin", upstream=UPSTREAM, force=True)
        self.until_said(0, 60)

    def until_safe(self, *words):
        """Waits for SAFE with all of these words in its reason and in the notices."""

        def safe():
            said = self.status()
            told = "\n".join(notice["text"] for notice in said["notices"])
            why = said["condition"]["why"]
            held = said["condition"]["state"] == "safe"
            return held and all(word in why and word in told for word in words) and said

        said = self.until(safe, 60, f"SAFE with {words}")
        self.assertLess(unix(said["condition"]["since"]), time.time() + 1)
        self.assertEqual(said["health"], "fault")

    def heard_from(self, upstream=UPSTREAM, node=NODE):
        """Prepends of all that the upstream has heard from the node since the test began."""
        peer = str(net.session(node, upstream).customer_address)
        new = self.lab.updates(upstream)[self.before[upstream] :]
        return [
            len(u.attributes.as_path) - 1 if u.announced else "withdrawn"
            for u in new
            if u.peer == peer and not u.is_end_of_rib
        ]

    # BIRD itself

    def test_bird_is_killed_and_comes_back_with_what_it_said(self):
        self.pin()
        self.until_said(2, 60)
        self.lab.hosts.stop([BIRD], signal.SIGKILL)
        self.until(lambda: self.router()["error"], 30, "a word about the dead BIRD")
        self.assertIn(str(self.lab.folder(NODE) / "bird.ctl"), self.notices())
        self.assertFalse(self.lab.ready(NODE))
        self.start_bird()
        self.until(lambda: self.router()["up"], 30, "BIRD's answer")
        self.until(lambda: self.upstream()["session"]["up"], 60, "the session")
        self.until(lambda: len(self.heard_from()) == 2, 30, "the announcement")
        self.assertEqual(self.heard_from(), [2, 2])
        self.assertIn("the routing daemon was restarted", self.journal())
        self.unpin()
        for upstream in OTHERS:
            self.until(lambda u=upstream: self.heard_from(u) == [0], 30, "the announcement")

    def start_bird(self):
        folder = self.lab.folder(NODE)
        argv = ["bird", "-f", "-c", folder / "bird.conf", "-s", folder / "bird.ctl"]
        self.lab.hosts.start(BIRD, NODE, argv)

    def test_bird_hangs_when_a_step_is_due(self):
        self.make_bad()
        os.kill(self.lab.hosts.running(BIRD), signal.SIGSTOP)
        self.addCleanup(os.kill, self.lab.hosts.running(BIRD), signal.SIGCONT)
        self.until(lambda: "no answer from" in self.notices(), 30, "a word about the hanging BIRD")
        self.assertIn("no answer from", self.router()["error"])
        before = self.heard()
        self.assert_nothing_heard(before, 15)
        self.assertEqual(self.upstream()["wanted"]["state"], "announced")
        os.kill(self.lab.hosts.running(BIRD), signal.SIGCONT)
        self.until_said(2, 90)
        self.heal()
        self.until_said(0, 120)
        self.assertEqual(set(self.heard_from()), {0, 2})

    # The operator's file

    def test_the_operator_breaks_his_file_when_a_step_is_due(self):
        self.make_bad()
        text = self.edit(self.conf, "protocol bgp hkbn {", "protocol bgp hkbn {{")
        self.until_safe("syntax error", str(self.conf))
        self.assert_nothing_heard(self.before, 15)
        # Well again, but nobody has said that it is finished.
        self.conf.write_text(text)
        self.until_safe("was edited after bird's last reconfiguration", str(self.conf))
        self.assert_nothing_heard(self.before, 5)
        self.configure()
        self.until_said(2, 60)
        self.heal()
        self.until_said(0, 120)
        self.assertEqual(self.heard_from(), [2, 0])
        self.until_run()

    def test_the_operator_loses_the_include(self):
        text = self.edit(self.conf, "include ", "# include ")
        self.until(lambda: "does not include our fragment" in self.notices(), 30, "a word about it")
        self.pin()
        self.until_safe("does not include our fragment")
        self.assert_nothing_heard(self.before, 10)
        self.conf.write_text(text)
        self.configure()
        self.until_said(2, 60)
        self.until_run()
        self.unpin()
        self.assertEqual(self.heard_from(), [2, 0])

    def test_the_fragments_folder_goes_away(self):
        away = self.fragment.parent.with_name("away")
        self.fragment.parent.rename(away)
        self.pin()
        self.until_safe(str(self.fragment.parent))
        self.assert_nothing_heard(self.before, 10)
        away.rename(self.fragment.parent)
        self.until_said(2, 60)
        self.until_run()
        self.unpin()
        self.assertEqual(self.heard_from(), [2, 0])

    # Our fragment

    def until_clean(self):
        """Waits until the file is ours again, and what runs too."""

        def clean():
            said = self.status()
            router = said["local"]["router"]
            wanted = router["wanted_revision"]
            same = (router["revision"], router["file_revision"]) == (wanted, wanted)
            return same and all(upstream["in_sync"] for upstream in said["upstreams"])

        self.until(clean, 30, "our fragment in force and in its file")

    def test_a_fragment_that_was_only_edited_is_put_back_unheard(self):
        for old, new in [("accept;", "reject;"), ("filter", "fil ter")]:
            with self.subTest(new=new):
                text = self.edit(self.fragment, old, new)
                self.until(lambda text=text: self.fragment.read_text() == text, 30, "our text")
                self.until_clean()
        self.assert_nothing_heard(self.before, 5)
        self.assertIn("the daemon runs something else than we want: put it back", self.journal())

    def test_a_fragment_edited_and_configured_is_put_back(self):
        text = self.edit(
            self.fragment,
            "filter anycastd_cmi {",
            "filter anycastd_cmi {\n  bgp_path.prepend(64500);",
        )
        self.configure()
        self.until(lambda: self.fragment.read_text() == text, 30, "our text")
        self.until_said(0, 30)
        self.until_clean()
        self.assertEqual(self.heard_from(), [1, 0])
        for upstream in OTHERS:
            self.assertEqual(self.heard_from(upstream), [])

    def test_an_edit_that_hides_behind_our_text_is_told(self):
        """Edited, configured, the file put back: BIRD has our revision, and exports otherwise."""
        text = self.fragment.read_text()
        os.kill(self.lab.hosts.running(f"anycastd.{NODE}"), signal.SIGSTOP)
        try:
            self.edit(self.fragment, "filter anycastd_cmi {", "filter anycastd_cmi { reject;")
            self.configure()
            self.fragment.write_text(text)
        finally:
            os.kill(self.lab.hosts.running(f"anycastd.{NODE}"), signal.SIGCONT)
        self.until(lambda: "cmi exports 0 routes of ours" in self.notices(), 30, "a word about it")
        self.assertEqual(self.upstream()["in_sync"], False)
        self.configure()
        self.until_said(0, 30)
        self.until_clean()
        self.assertNotIn("cmi exports", self.notices())

    # Others on the control socket

    def test_others_configure_all_the_time(self):
        stop = threading.Event()

        def storm():
            argv = ["birdc", "-s", self.lab.folder(NODE) / "bird.ctl", "configure"]
            while not stop.wait(0.05):
                subprocess.run(argv, stdout=subprocess.DEVNULL, check=False)

        other = threading.Thread(target=storm)
        other.start()
        try:
            self.pin()
            self.until_said(2, 60)
            self.unpin()
        finally:
            stop.set()
            other.join()
        self.until_run()
        self.until_clean()
        self.assertEqual(self.heard_from(), [2, 0])

    def advise(self):
        """The node in mode advise, until the test ends."""
        drop_in = self.lab.folder(NODE) / "conf.d" / "mode.yaml"

        def reload(mode):
            drop_in.write_text(f"mode: {mode}\n")
            code, said = self.post("/v1/reload")
            self.assertEqual(code, 200, said)
            self.until(lambda: self.status()["mode"] == mode, 30, f"mode {mode}")

        self.addCleanup(reload, "auto")
        reload("advise")

    def apply(self, seconds):
        """A person's apply that waits for a confirm; returns once the upstream hears it."""
        self.make_bad()
        self.until(lambda: self.cell()["state"] == "bad", 60, "a bad cell")
        self.assertEqual(self.said(), 0)
        self.order("apply", confirm_seconds=seconds)
        self.until_said(2, 30)
        self.heal()

    def test_another_configure_during_probation_keeps_the_change(self):
        self.advise()
        self.apply(30)
        self.until(lambda: self.router()["confirm_until"], 20, "the probation")
        self.configure()
        self.until(lambda: not self.router()["confirm_until"], 20, "the end of the probation")
        self.until_clean()
        self.assertEqual(self.upstream()["wanted"], {"state": "prepended", "prepend": 2})
        self.doCleanups()
        self.until_said(0, 120)
        self.assertEqual(self.heard_from(), [2, 0])

    def test_an_undo_by_somebody_else_during_probation_is_seen(self):
        self.advise()
        self.apply(60)
        self.birdc("configure", "undo")
        self.until_said(0, 30)
        self.until(lambda: not self.router()["confirm_until"], 20, "the end of the probation")
        self.until_clean()
        self.assertEqual(self.upstream()["wanted"]["state"], "announced")
        self.assertEqual(self.heard_from(), [2, 0])

    def test_a_probation_that_nobody_confirms_ends_as_before(self):
        self.advise()
        self.apply(6)
        self.until_said(0, 30)
        self.until(lambda: not self.router()["confirm_until"], 20, "the end of the probation")
        self.until_clean()
        self.assertEqual(self.upstream()["wanted"]["state"], "announced")
        self.assertEqual(self.heard_from(), [2, 0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
