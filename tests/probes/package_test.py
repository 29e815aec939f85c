"""The Debian package: what is in it works from a folder, and its scripts leave routes alone."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from package import package, run, stubs
from processes import needs

@needs("dpkg-deb", "dpkg-shlibdeps", "cpack")
class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        out = Path(cls.folder.name)
        cls.deb = package()
        cls.root = out / "root"
        cls.control = out / "control"
        run("dpkg-deb", "-x", cls.deb, cls.root)
        run("dpkg-deb", "-e", cls.deb, cls.control)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_the_programs_run_and_find_their_files(self):
        ctl = self.root / "usr/bin/anycastctl"
        example = self.root / "usr/share/doc/anycastd/examples/anycastd.yaml"
        self.assertIn("anycastctl", run(ctl, "--version"))
        self.assertIn("anycastd", run(self.root / "usr/sbin/anycastd", "--version"))
        self.assertIn("0 errors", run(ctl, "check-config", "--all-nodes", example))
        self.assertIn("icmp4", run(ctl, "probes", "render", "--for", "blackbox", "--config", example))
        doctor = subprocess.run(
            [ctl, "-s", "/nowhere", "doctor", "--config", example, "--node", "hk-idc-1"], capture_output=True, text=True
        )
        self.assertEqual(doctor.returncode, 2, doctor.stderr)
        self.assertRegex(doctor.stdout, r"fail +daemon +no answer at /nowhere")

    def test_everything_that_other_programs_look_for_is_in_its_place(self):
        for path in """usr/lib/systemd/system/anycastd.service usr/lib/systemd/system/anycastd-boot.service
            usr/lib/sysusers.d/anycastd.conf usr/lib/tmpfiles.d/anycastd.conf usr/lib/systemd/catalog/anycastd.catalog
            usr/share/bash-completion/completions/anycastctl usr/share/zsh/vendor-completions/_anycastctl
            usr/share/fish/vendor_completions.d/anycastctl.fish usr/share/anycastd/anycastd.schema.json
            usr/share/anycastd/templates/bird/fragment.tmpl usr/share/anycastd/probes/rules/alerts.yml
            usr/share/doc/anycastd/copyright usr/share/doc/anycastd/first-hour.md
            usr/share/doc/anycastd/runbooks/AnycastdDown.md usr/share/man/man8/anycastd.8.gz usr/share/man/man1/anycastctl.1.gz
            usr/share/man/man5/anycastd.yaml.5.gz usr/share/man/man7/anycastd-metrics.7.gz""".split():
            self.assertTrue((self.root / path).is_file(), path)
        self.assertFalse((self.root / "etc").exists(), "configuration is the operator's")
        for unit in ("anycastd.service", "anycastd-boot.service"):
            text = (self.root / "usr/lib/systemd/system" / unit).read_text()
            for program in re.findall(r"^ExecStart=(\S+)", text, re.M):
                self.assertTrue((self.root / program.lstrip("/")).is_file(), program)

    def test_the_recipe_of_a_container_names_what_the_package_has(self):
        recipe = (self.root / "usr/share/doc/anycastd/examples/Containerfile").read_text()
        programs = set(re.findall(r"/usr/s?bin/anycast\w+", recipe))
        self.assertEqual(programs, {"/usr/sbin/anycastd", "/usr/bin/anycastctl"})
        for program in programs:
            self.assertTrue((self.root / program.lstrip("/")).is_file(), program)
        folders = dict(re.findall(r"^d (\S+) +\d+ (\w+)", (self.root / "usr/lib/tmpfiles.d/anycastd.conf").read_text(), re.M))
        volumes = re.findall(r'"([^"]+)"', re.search(r"^VOLUME (.*)$", recipe, re.M)[1])
        self.assertEqual(set(volumes), {folder for folder, user in folders.items() if user == "anycastd"})
        _, user, home = re.search(r'^(u) (\w+) - "\w+" (\S+)$', (self.root / "usr/lib/sysusers.d/anycastd.conf").read_text(), re.M).groups()
        self.assertIn(f"\nUSER {user}:{user}\n", recipe)
        self.assertRegex(recipe, rf"useradd .*--home-dir {home} .* {user}\n")
        self.assertIn("\nSTOPSIGNAL SIGTERM\n", recipe)
        self.assertEqual(re.findall(r"\b\w+\.(?:io|com|org)\b", recipe), [])

    def test_it_depends_on_its_libraries_and_describes_itself(self):
        fields = run("dpkg-deb", "-f", self.deb)
        for word in ("libcurl4", "libsystemd0", "libyaml-cpp", "libmicrohttpd", "libsqlite3", "Recommends: bird2"):
            self.assertIn(word, fields)

    def scripted(self, script, *arguments, root=None):
        """Every command that a maintainer script calls on a host that runs systemd."""
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "log")
            host = Path(root or Path(folder, "host"))
            (host / "run/systemd/system").mkdir(parents=True, exist_ok=True)
            path = f"{stubs(Path(folder, 'bin'), log)}:{os.environ['PATH']}"
            run("sh", self.control / script, *arguments, env={"PATH": path, "DPKG_ROOT": str(host)})
            return log.read_text().splitlines() if log.exists() else []

    def test_a_first_installation_starts_nothing(self):
        calls = self.scripted("postinst", "configure", "")
        self.assertIn("systemd-sysusers anycastd.conf", calls)
        self.assertIn("usermod --append --groups bird anycastd", calls)
        self.assertEqual([call for call in calls if re.search(r"\b(re)?start\b|deb-systemd-invoke", call)], [])

    def test_an_upgrade_restarts_only_the_daemon(self):
        calls = self.scripted("prerm", "upgrade", "0.2.0") + self.scripted("postrm", "upgrade", "0.2.0")
        self.assertEqual(calls, [])
        calls = self.scripted("postinst", "configure", "0.0.9")
        self.assertEqual(
            [call for call in calls if call.startswith("deb-systemd-invoke")],
            ["deb-systemd-invoke try-restart anycastd.service"],
        )
        self.assertEqual([call for call in calls if call.startswith(("usermod", "bird"))], [])

    def test_removal_and_purge_leave_the_fragment_that_bird_includes(self):
        with tempfile.TemporaryDirectory() as host:
            for path in ("run/anycastd/bird.conf", "var/lib/anycastd/history.db", "etc/anycastd/anycastd.yaml"):
                Path(host, path).parent.mkdir(parents=True, exist_ok=True)
                Path(host, path).write_text("as it was")
            calls = self.scripted("prerm", "remove", root=host) + self.scripted("postrm", "remove", root=host)
            self.assertEqual(
                calls, ["deb-systemd-invoke stop anycastd.service", "systemctl --system daemon-reload"]
            )
            self.scripted("postrm", "purge", root=host)
            left = {str(path.relative_to(host)) for path in Path(host).rglob("*") if path.is_file()}
            self.assertEqual(left, {"run/anycastd/bird.conf", "etc/anycastd/anycastd.yaml"})

    @unittest.skipUnless(shutil.which("lintian"), "not installed: lintian")
    def test_lintian_finds_nothing(self):
        words = ["lintian", "--allow-root", "--fail-on=error,warning", self.deb]
        done = subprocess.run(words, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
