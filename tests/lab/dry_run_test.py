"""Looking changes nothing: strace records every file and socket that anycastd touches.

The recording is made while a step is due on hk-idc-1: mobile is bad through cmi.
"""

import hashlib
import os
import re
import shutil
import signal
import time
import unittest

from updates import assert_only

from lab import texts
from lab import topology as net
from lab.control import Lab
from lab.hosts import left_behind, wait_until

NEEDED = ["bird", "prometheus", "prometheus-blackbox-exporter", "nft", "strace"]
MISSING = [program for program in NEEDED if not shutil.which(program)]

NODE, UPSTREAM, CARRIER = "hk-idc-1", "cmi", "mobile"

# Everything that can make, change, name or remove a file, or say something to somebody.
CALLS = (
    "open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,"
    "symlinkat,mkdir,mkdirat,rmdir,mknod,mknodat,truncate,ftruncate,fallocate,chmod,fchmod,fchmodat,chown,"
    "fchown,lchown,fchownat,setxattr,fsetxattr,utimensat,write,writev,pwrite64,pwritev,pwritev2,"
    "sendfile,copy_file_range,splice,connect,accept,accept4,bind,sendto,sendmsg,sendmmsg,socketpair"
)
# These only name what another call has to write to.
HARMLESS = ("connect", "accept", "accept4", "socketpair")
TO_BIRD = re.compile(r"\A(restrict|show [^\n]*|eval ANYCASTD_REVISION|configure status)\n\Z")
TO_PROMETHEUS = re.compile(r"\A(POST|GET) /api/v1/query[ ?]")


class Recording:
    """What a process and its threads did: one strace file for each of them."""

    def __init__(self, files):
        self.lines = [line for file in files for line in file.read_text().splitlines()]
        self.peers = {}  # socket: whom it was connected to
        self.answering = set()  # sockets on which somebody asked, or that lead back to the process
        for line in self.lines:
            if re.match(r"(socketpair|accept4?)\(", line):
                self.answering |= set(re.findall(r"<(socket:\[\d+\])>", line))
            found = re.match(
                r'connect\(\d+<(socket:\[\d+\])>, \{.*?(?:sun_path="([^"]*)"|'
                r'sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]*)"\))',
                line,
            )
            if found:
                inode, path, port, host = found.groups()
                self.peers[inode] = path or f"{host}:{port}"

    def said(self):
        """[(peer, what was sent)]; what is not from or to a connected socket has no peer."""
        out = []
        for line in self.lines:
            found = re.match(r'(?:sendto|write)\(\d+<(socket:\[\d+\])>, "((?:[^"\\]|\\.)*)"', line)
            other = re.match(r"(?:sendmsg|sendmmsg|writev|sendfile)\(\d+<(socket:\[\d+\])>", line)
            if found and found[1] not in self.answering:
                text = found[2].encode().decode("unicode_escape")
                out.append((self.peers.get(found[1]), text))
            elif other and other[1] not in self.answering:
                out.append((None, line))
        return out

    def written(self):
        """Every other call that makes, changes, names or removes something: [(path, line)]."""
        out = []
        for line in self.lines:
            call = line.partition("(")[0]
            if call not in CALLS.split(",") or call in HARMLESS or " = -1 " in line:
                continue
            if call in ("open", "openat", "openat2"):
                if not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND", line):
                    continue
            elif re.match(r"\w+\(\d+<(socket:|anon_inode:|pipe:)", line):
                # Sockets are judged by what was said; a pipe or an eventfd is no file. Standard
                # output and error are pipes here.
                if call not in ("bind", "fchmod", "fchown"):
                    continue
            paths = re.findall(r'<(/[^>]*)>|"(/[^"]*)"|inet_addr\("([^"]*)"\)', line)
            out.append(("".join(paths[-1]) if paths else "", line))
        return [(path, line) for path, line in out if not path.startswith("/dev/")]


@unittest.skipIf(os.geteuid() != 0, "needs root")
@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class Looking(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        name = f"l{os.getpid()}"
        cls.addClassCleanup(cls.assert_nothing_left, name)
        cls.lab = Lab(name)
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up()
        cls.folder = cls.lab.folder(NODE)
        wait_until(lambda: all(map(cls.lab.ready, net.NODES)), 90, "evidence for every anycastd")
        # The node's own daemon is away, or it would act; its state and history stay.
        cls.lab.stop_anycastd(NODE)
        cls.lab.path(NODE, UPSTREAM, CARRIER, delay=150, loss=15)

    @staticmethod
    def assert_nothing_left(name):
        assert left_behind(name) == []

    def setUp(self):
        self.heard_before = self.heard()
        self.files_before = self.files()

    def heard(self):
        peers = {u: str(net.session(NODE, u).customer_address) for u in net.NODES[NODE].upstreams}
        for upstream in peers:
            assert_only(self.lab.updates(upstream), net.PREFIX, net.ORIGIN_ASN)
        return {
            u: [str(said) for said in self.lab.updates(u) if said.peer == peer]
            for u, peer in peers.items()
        }

    def files(self):
        """Everything in the node's folder; the index of SQLite's log is none of it, see below."""
        return {
            str(p): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in self.folder.rglob("*")
            if p.is_file() and not p.name.endswith("-shm")
        }

    # Recording

    def start(self, name, words):
        """Starts a program under strace, its output in the log of its name."""
        folder = self.lab.hosts.state / "trace" / name
        folder.mkdir(parents=True)
        argv = ["strace", "-ff", "-y", "-s", "4096", "-o", folder / "t", "-e", f"trace={CALLS}"]
        # Through cat, so that output is a pipe and not a file to be excepted.
        shell = ["bash", "-c", '"$@" 2>&1 | cat', "bash", *argv, *words]
        self.lab.hosts.start(name, NODE, shell)
        return folder

    def anycastd(self, *words):
        config = self.folder / "anycastd.yaml"
        return [self.lab.program("anycastd"), "--config", config, "--node", NODE, *words]

    def traced_pid(self, folder):
        """The main thread, whose file is there first."""
        files = wait_until(lambda: list(folder.glob("t.*")), 20, "a trace")
        return min(int(file.suffix[1:]) for file in files)

    def log(self, name):
        return self.lab.hosts.log(name).read_text()

    def end(self, name, folder):
        """Ends the traced program as an operator does, and returns what was recorded."""
        os.kill(self.traced_pid(folder), signal.SIGTERM)
        return self.ended(name, folder)

    def ended(self, name, folder):
        wait_until(lambda: not self.lab.hosts.running(name), 60, f"the end of {name}")
        return Recording(sorted(folder.glob("t.*")))

    # Judging

    def assert_only_looked(self, recording, own_files=()):
        bird, prometheus = str(self.folder / "bird.ctl"), f"{net.MONITOR_ADDRESS}:9090"
        self.assertIn(bird, [peer for peer, _ in recording.said()], "no word to bird is recorded")
        for peer, text in recording.said():
            self.assertIn(peer, (bird, prometheus), text)
            self.assertRegex(text, TO_BIRD if peer == bird else TO_PROMETHEUS)
        # SQLite has no other way to read a log than to open it and its index for writing, and it
        # rebuilds the index when it is the first to come; `files` proves the log as it was.
        sqlite = [str(self.folder / f"history.db{part}") for part in ("-wal", "-shm")]
        for path, line in recording.written():
            self.assertIn(path, [*sqlite, *own_files], line)
        self.assertEqual(self.heard(), self.heard_before)

    def assert_all_is_as_it_was(self, recording):
        self.assert_only_looked(recording)
        self.assertEqual(self.files(), self.files_before)

    # The ways to look

    def test_a_dry_run_thinks_the_step_and_changes_nothing(self):
        folder = self.start("dry", self.anycastd("--dry-run"))
        due = "handed over now (step): prepend 2 on cmi"
        wait_until(lambda: self.log("dry").count(due) >= 3, 90, "a step due in three cycles")
        self.assert_all_is_as_it_was(self.end("dry", folder))

    def test_one_cycle_sees_what_is_due_and_changes_nothing(self):
        """By hand the node runs something else than is wanted: due in the very first cycle."""
        fragment = self.folder / "run" / "bird.conf"
        before = fragment.read_text()
        self.addCleanup(self.lab.birdc, NODE, "configure")
        self.addCleanup(fragment.write_text, before)
        fragment.write_text(texts.plain_fragment(net.NODES[NODE]))
        self.lab.birdc(NODE, "configure")
        self.files_before = self.files()
        recording = self.ended("once", self.start("once", self.anycastd("--once")))
        self.assertIn("+define ANYCASTD_REVISION = ", self.log("once"))
        self.assert_all_is_as_it_was(recording)

    def test_mode_observe_writes_its_own_history_and_nothing_else(self):
        mode = self.folder / "conf.d" / "zz-observe.yaml"
        mode.write_text("mode: observe\n")
        self.addCleanup(mode.unlink)
        self.files_before = self.files()
        folder = self.start("observe", self.anycastd())
        wait_until(lambda: self.lab.ready(NODE), 60, "fresh evidence")
        bad = f"{CARRIER} at {NODE} via {UPSTREAM} went"
        wait_until(lambda: re.search(f"{bad} .*bad: ", self.log("observe")), 60, "a bad verdict")
        time.sleep(6)  # three cycles in which mode auto would act
        recording = self.end("observe", folder)
        own = ["history.db", "history.db-wal", "ctl.sock", "ctl.sock.lock"]
        listens = str(net.MANAGEMENT_ADDRESS[NODE])
        self.assert_only_looked(recording, [listens, *(str(self.folder / name) for name in own)])
        after = self.files()
        changed = {p for p in self.files_before | after if self.files_before.get(p) != after.get(p)}
        self.assertLessEqual(changed, {str(self.folder / name) for name in own})

    def test_a_plan_asked_for_without_a_daemon_changes_nothing(self):
        program = self.lab.program("anycastctl")
        if not program.exists():
            self.skipTest("anycastctl is not built")
        words = [program, "plan", "--config", self.folder / "anycastd.yaml", "--node", NODE]
        recording = self.ended("plan", self.start("plan", words))
        self.assertNotEqual(self.log("plan"), "")
        self.assert_all_is_as_it_was(recording)

    def test_z_the_recording_is_one_that_shows_acting(self):
        """The counter-check; it goes last, for it takes the step that the others wait for."""
        folder = self.start("auto", self.anycastd())
        wait_until(lambda: "prepended 2 on cmi" in self.log("auto"), 90, "the step")
        recording = self.end("auto", folder)
        self.assertIn("configure confirm\n", [text for _, text in recording.said()])
        self.assertIn(
            str(self.folder / "run" / "bird.conf"), [path for path, _ in recording.written()]
        )
        self.assertEqual(len(self.heard()[UPSTREAM]), len(self.heard_before[UPSTREAM]) + 1)


if __name__ == "__main__":
    unittest.main()
