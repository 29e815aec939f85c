"""Network namespaces and processes, by a lab's name: made, recorded, and all removed again."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path


class LabError(Exception):
    """Something a person has to change; the text says what."""


def wait_until(condition, seconds, what):
    """Polls until `condition()` is true and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def state_directory(name):
    """Under /run like the fragment of a real node: in memory, gone after a reboot."""
    return Path("/run") / f"anycast-lab-{name}"


def _stat(pid):
    """State letter and start time of a process; together with the pid they name it for good."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[19])


def left_behind(name):
    """Namespaces, state and processes that still carry a lab's name: nothing, once it is down."""
    state = str(state_directory(name))
    left = Hosts(name).existing() + ([state] if os.path.lexists(state) else [])
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if f"{state}/" in words:
            left.append(f"process {process.name}: {words[:200]}".replace("\0", " "))
    return left


class Hosts:
    """The hosts of one lab. Each is the namespace al-LAB-HOST; processes are known by pid files."""

    def __init__(self, lab):
        self.lab = lab
        self.state = state_directory(lab)
        self._pids = self.state / "pid"
        self._children = {}  # those that this very process started, to be waited for

    # Namespaces

    def namespace(self, host):
        return f"al-{self.lab}-{host}"

    def existing(self):
        """Namespaces of this lab; names of labs have no '-', so that no lab is another's prefix."""
        prefix = self.namespace("")
        try:
            return sorted(n for n in os.listdir("/run/netns") if n.startswith(prefix))
        except FileNotFoundError:
            return []

    def create_state(self):
        try:
            self.state.mkdir(mode=0o755)
        except FileExistsError as error:
            raise LabError(f"'{self.state}' is there already and not ours") from error
        self._pids.mkdir()

    def ip(self, commands, host=None):
        """Runs ip(8) commands in one go, in a host or where we are."""
        where = ["-n", self.namespace(host)] if host else []
        done = subprocess.run(
            ["ip", *where, "-batch", "-"],
            input="\n".join(commands),
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"ip, on {host or 'this machine'}: {done.stderr.strip()}")

    def sysctl(self, host, values):
        lines = [
            f"echo {value} >/proc/sys/{key.replace('.', '/')}" for key, value in values.items()
        ]
        self.run(host, ["sh", "-ec", "\n".join(lines)])

    def command(self, host, argv):
        return ["ip", "netns", "exec", self.namespace(host), *map(str, argv)]

    def run(self, host, argv, text=None):
        """Runs a command on a host to its end and returns what it printed."""
        done = subprocess.run(
            self.command(host, argv), input=text, text=True, capture_output=True, check=False
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise LabError(f"{argv[0]} on {host}: status {done.returncode}: {said}")
        return done.stdout

    # Processes

    def log(self, name):
        return self.state / "log" / name

    def start(self, name, host, argv):
        """Starts a process that outlives us; its output goes to the log of its name."""
        if self.running(name):
            raise LabError(f"'{name}' is running already")
        self.log(name).parent.mkdir(exist_ok=True)
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                self.command(host, argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._children[name] = process
        (self._pids / name).write_text(json.dumps([process.pid, _stat(process.pid)[1]]))

    def running(self, name):
        """The pid of a process that we started, while it lives."""
        try:
            pid, started = json.loads((self._pids / name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        now = _stat(pid)
        if now and now[0] != "Z" and now[1] == started:
            return pid
        if name in self._children:
            self._children[name].wait()  # or it would stay as a zombie
        return None

    def processes(self):
        try:
            return sorted(p.name for p in self._pids.iterdir())
        except FileNotFoundError:
            return []

    def stop(self, names, how=signal.SIGTERM, patience=5):
        """Ends processes of ours together, by force after `patience` seconds."""
        for sent in (how, signal.SIGKILL):
            for name in names:
                if pid := self.running(name):
                    os.kill(pid, sent)
            deadline = time.monotonic() + patience
            while any(map(self.running, names)) and time.monotonic() < deadline:
                time.sleep(0.02)
        for name in names:
            (self._pids / name).unlink(missing_ok=True)
            if child := self._children.pop(name, None):
                child.wait(patience)

    def destroy(self):
        """Ends every process, removes every namespace and the state; what is not there is fine."""
        self.stop(self.processes(), patience=2)
        for namespace in self.existing():
            self._end_strays(namespace)
            subprocess.run(["ip", "netns", "del", namespace], check=True)
        if self.state.is_dir() and not self.state.is_symlink():
            shutil.rmtree(self.state)

    def _end_strays(self, namespace):
        """Whatever still runs in a namespace of ours, `lab exec` for one, was started by us."""
        listed = subprocess.run(
            ["ip", "netns", "pids", namespace], text=True, capture_output=True, check=False
        )
        for pid in map(int, listed.stdout.split()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
