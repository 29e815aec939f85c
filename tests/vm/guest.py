#!/usr/bin/env python3
"""Runs a program of this host in a guest whose kernel has IPVS: Debian's cloud kernel under QEMU's software emulation.

usage: guest.py [--seconds N] [--also FILE]... [--set NAME=VALUE]... PROGRAM [ARGUMENT...]

The guest is made of nothing but an initramfs: the program and what else is named, the libraries that they need, ip,
ipvsadm and busybox, and the kernel modules. It has no disk, no network and no folder of the host. What the program prints
is printed, and its exit status is ours; 124 when the time is up, 125 when the guest ends without one. The kernel's
package is fetched once with apt-get into build/vm and unpacked there, not installed. --set is for the program's
environment: of contract_kernel ANYCASTD_KILLS and ANYCASTD_ROUNDS (ten transitions each) ask for more than CI has time for.
"""

import argparse
import gzip
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "build" / "vm"
TOOLS = ("/usr/bin/busybox", "/usr/sbin/ipvsadm", "/usr/sbin/ip")
# Loaded before the program starts, as they are where IPVS is in use; schedulers come when a service names them.
LOADED = ("ip_vs", "veth", "bridge", "ipip", "ip6_tunnel")
WANTED = re.compile(r"/(net/netfilter/ipvs/.*|(veth|bridge|ipip|ip6_tunnel)\.ko)$")

INIT = """#!/bin/busybox sh
export PATH=/usr/sbin:/usr/bin:/applets
/bin/busybox --install -s /applets
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mkdir /run/netns
stty -F /dev/ttyS1 -onlcr
for module in {modules}; do modprobe $module; done
ip link set lo up
cd /tmp
ANYCASTD_IPVS=1 /job </dev/null >/dev/ttyS1 2>&1
echo $? >/dev/ttyS2
poweroff -f
"""


class Archive:
    """A cpio archive in the format of an initramfs ("newc")."""

    def __init__(self):
        self.parts = []
        self.names = set()

    def add(self, name, mode, data=b""):
        name = name.strip("/")
        if name in self.names:
            return
        for folder in reversed(Path(name).parents[:-1] if name else []):
            self.folder(str(folder))
        self.names.add(name)
        self.parts.append(self.entry(name, mode, data))

    def folder(self, name):
        if name not in self.names:
            self.add(name, stat.S_IFDIR | 0o755)

    def link(self, name, target):
        self.add(name, stat.S_IFLNK | 0o777, target.encode())

    def file(self, name, path):
        self.add(name, stat.S_IFREG | 0o755, Path(path).read_bytes())

    def entry(self, name, mode, data):
        number = len(self.parts) + 1
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)

    def bytes(self):
        return b"".join(self.parts) + self.entry("TRAILER!!!", 0, b"")


def run(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more).stdout


def fetch(name, folder):
    """A package's archive into the folder. What apt's lists name may be replaced by a newer one since: then they are renewed."""
    apt = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root")
    try:
        run(*apt, "download", name, cwd=folder)
    except subprocess.CalledProcessError:
        run(*apt, "update")
        run(*apt, "download", name, cwd=folder)


def kernel():
    """Where Debian's newest cloud kernel lies unpacked: its image and its folder of modules."""
    name = re.search(r"Depends: (linux-image-\S+)", run("apt-cache", "depends", "linux-image-cloud-amd64"))[1]
    tree = CACHE / name
    if not tree.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            fetch(name, folder)
            run("dpkg", "-x", str(next(Path(folder).glob("*.deb"))), f"{folder}/tree")
            os.replace(f"{folder}/tree", tree)
    return next(tree.glob("boot/vmlinuz-*")), next(tree.glob("lib/modules/*"))


def needed(modules, names):
    """The modules with all that they depend on, as paths below their folder."""
    out = []
    for name in names:
        text = run("/usr/sbin/modinfo", "-F", "depends", str(modules / name)).strip()
        out.append(name)
        for other in filter(None, text.split(",")):
            out += needed(modules, [str(p.relative_to(modules)) for p in modules.rglob(f"{other}.ko")])
    return list(dict.fromkeys(out))


def add_modules(archive, modules):
    names = [str(p.relative_to(modules)) for p in modules.rglob("*.ko") if WANTED.search(str(p))]
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "lib/modules" / modules.name
        for name in needed(modules, sorted(names)):
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(modules / name, base / name)
        for name in ("modules.builtin", "modules.order"):
            shutil.copy(modules / name, base / name)
        run("/usr/sbin/depmod", "-b", folder, modules.name)
        for path in sorted(base.rglob("*")):
            if path.is_file():
                archive.file(f"usr/{path.relative_to(folder)}", path)


def add_program(archive, path):
    """A program at its own place, without what only a debugger reads, and its libraries."""
    real = os.path.realpath(path)
    with tempfile.NamedTemporaryFile() as lean:
        if subprocess.run(["strip", "-g", "-o", lean.name, real], capture_output=True, check=False).returncode != 0:
            shutil.copy(real, lean.name)
        archive.file(placed(os.path.abspath(path)), lean.name)
    libraries = subprocess.run(["ldd", real], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"(/\S+) \(0x", libraries):
        archive.file(placed(library), library)


def placed(path):
    """/lib, /bin and their like are links into /usr, in the guest as on the host."""
    return re.sub(r"^/(bin|sbin|lib|lib64)/", r"/usr/\1/", str(path))


def initramfs(programs, modules):
    archive = Archive()
    for folder in ("applets", "proc", "sys", "dev", "tmp", "run", "etc", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"):
        archive.folder(folder)
    for name in ("bin", "sbin", "lib", "lib64"):
        archive.link(name, f"usr/{name}")
    archive.link("var/run", "/run")
    archive.link("usr/sbin/modprobe", "/usr/bin/busybox")
    archive.link("usr/bin/sh", "busybox")
    # Keepalived asks who root is.
    archive.add("etc/passwd", stat.S_IFREG | 0o644, b"root:x:0:0:root:/:/bin/sh\n")
    archive.add("etc/group", stat.S_IFREG | 0o644, b"root:x:0:\n")
    archive.add("init", stat.S_IFREG | 0o755, INIT.format(modules=" ".join(LOADED)).encode())
    for program in (*TOOLS, *programs):
        add_program(archive, program)
    add_modules(archive, modules)
    return archive


def boot(image, archive, seconds):
    with tempfile.TemporaryDirectory() as folder:
        initrd, console, status = (Path(folder) / name for name in ("initrd", "console", "status"))
        initrd.write_bytes(gzip.compress(archive.bytes(), 1))
        words = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "max", "-m", "768", "-nodefaults"]
        words += ["-no-user-config", "-display", "none", "-no-reboot"]
        words += ["-serial", f"file:{console}", "-serial", "stdio", "-serial", f"file:{status}"]
        words += ["-kernel", str(image), "-initrd", str(initrd)]
        words += ["-append", "console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off tsc=reliable"]
        try:
            subprocess.run(words, stdin=subprocess.DEVNULL, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            print(f"the guest was not done after {seconds} s", file=sys.stderr)
            return 124
        said = status.read_text().strip() if status.exists() else ""
        if not said.isdigit():
            print("the guest ended without an exit status\n", console.read_text(errors="replace"), file=sys.stderr)
            return 125
        return int(said)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--also", action="append", default=[])
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("program")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    wanted = parser.parse_args()
    image, modules = kernel()
    archive = initramfs([wanted.program, *wanted.also], modules)
    # The kernel hands no arguments to /init that would survive its own parsing.
    quoted = shlex.join(["env", *wanted.set, os.path.abspath(wanted.program), *wanted.arguments])
    archive.add("job", stat.S_IFREG | 0o755, f"#!/bin/busybox sh\nexec {quoted}\n".encode())
    return boot(image, archive, wanted.seconds)


if __name__ == "__main__":
    sys.exit(main())
