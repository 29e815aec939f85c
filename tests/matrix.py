#!/usr/bin/env python3
"""The contract tests of the routing daemons on the versions of newer Debian suites, as a table.

usage: matrix.py [--newest] BUILD     --newest: only the newest BIRD and FRR

The packages and all that they need are unpacked into BUILD/matrix, once, and run by their own
loader beside this machine's files: nothing is installed. MATRIX_SUITES names the suites beside the
installed versions, by default "trixie"; "sid" changes every day.

Each action is applied, confirmed, read back and compared with what a real BIRD upstream has heard,
over IPv4 and IPv6 (tests/support/speaker_contract.hpp). The installed versions speak to a GoBGP
as well, which shares no code with either and has to have understood the same.
"""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from dataclasses import dataclass
from pathlib import Path

SUITES = os.environ.get("MATRIX_SUITES", "trixie").split()
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PROGRAMS = {
    "bird2": ["sbin/bird", "sbin/birdc"],
    "bird3": ["sbin/bird", "sbin/birdc"],
    "frr": ["lib/frr/bgpd", "lib/frr/zebra", "lib/frr/mgmtd"],
}
# What a daemon loads when it is told to, in a package of its own.
MODULES = {"frr": ["frr-rpki-rtrlib"]}
FRR_FOLDER = "/usr/lib/frr"
# Program of contract tests, and the daemon that knows its version.
BIRD = ("contract_bird", "bird")
FRR = ("contract_frr", "bgpd")


@dataclass
class World:
    """One version of one daemon; `folder` holds its programs, or is None for the installed one."""

    test: str  # program of contract tests
    version: str
    folder: Path | None
    upstreams: str = "bird"

    def title(self):
        daemon = "FRR" if self.test == "contract_frr" else "BIRD"
        return f"{daemon} {self.version}" + (" > GoBGP" if self.upstreams == "gobgp" else "")

    def command(self, program):
        if self.folder is None:
            return [program]
        if self.test == "contract_bird":
            return ["env", f"PATH={self.folder}:{os.environ['PATH']}", program]
        script = f"mount --bind '{self.folder}' {FRR_FOLDER} && exec '{program}' \"$@\""
        return ["unshare", "--mount", "sh", "-c", script, "sh"]


def run(*words, **options):
    done = subprocess.run(words, text=True, capture_output=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"matrix: {words[0]}: status {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def mirror():
    """Where this machine has its own Debian from: other suites are there, too."""
    fields = ("Created-By: Packages", "Label: Debian", "Component: main")
    found = run("apt-get", "indextargets", "--format", "$(REPO_URI)", *fields).split()
    return found[0] if found else sys.exit("matrix: apt knows no archive of Debian's (apt-get update)")


def unpack(root, suite, packages):
    """The packages and everything that they need, also libc, under root."""
    with tempfile.TemporaryDirectory() as apt:
        for part in ("lists/partial", "cache/archives/partial"):
            (Path(apt) / part).mkdir(parents=True)
        (Path(apt) / "status").touch()
        (Path(apt) / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
        options = {
            "Dir::State::lists": f"{apt}/lists",
            "Dir::State::status": f"{apt}/status",
            "Dir::Cache": f"{apt}/cache",
            "Dir::Etc::sourcelist": f"{apt}/sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Install-Recommends": "0",
            "APT::Sandbox::User": "root",
            "Debug::NoLocking": "1",
        }
        apt_get = ["apt-get", *(word for o in options.items() for word in ("-o", "=".join(o)))]
        run(*apt_get, "-q", "update")
        run(*apt_get, "-qq", "-y", "--download-only", "install", *packages)
        for archive in sorted((Path(apt) / "cache/archives").glob("*.deb")):
            run("dpkg-deb", "-x", archive, root)


def wrapped(root, package):
    """A folder with the programs of the package, each started by its own loader and libraries."""
    folder = root / "programs"
    if folder.exists():
        return folder
    made = root / "programs.new"
    made.mkdir(exist_ok=True)
    libraries = root / "usr/lib/x86_64-linux-gnu"
    for program in PROGRAMS[package]:
        real = root / "usr" / program
        if not real.exists():
            continue
        script = made / real.name
        loader = f"{libraries}/ld-linux-x86-64.so.2 --library-path {libraries}:{libraries}/frr"
        modules = f"--moduledir {libraries}/frr/modules" if package == "frr" else ""
        script.write_text(f'#!/bin/sh\nexec {loader} {real} {modules} "$@"\n')
        script.chmod(0o755)
    made.rename(folder)
    return folder


def version(program):
    """ "2.17.6" of what a daemon says to --version, or None where there is no such program."""
    try:
        done = subprocess.run(
            [program, "--version"], text=True, capture_output=True, check=False
        )
    except FileNotFoundError:
        return None
    found = re.search(r"(?:BIRD version|bgpd version) ([0-9.]+)", done.stdout + done.stderr)
    return found[1] if found else None


def newest(build):
    yield fetched(build, SUITES[-1], "bird3", *BIRD)
    yield fetched(build, SUITES[-1], "frr", *FRR)


def worlds(build):
    """The installed versions and those of the suites, BIRD first."""
    yield World(BIRD[0], version("bird"), None)
    yield World(BIRD[0], version("bird"), None, "gobgp")
    for suite in SUITES:
        for package in ("bird2", "bird3"):
            yield fetched(build, suite, package, *BIRD)
    yield World(FRR[0], version(f"{FRR_FOLDER}/bgpd"), None)
    yield World(FRR[0], version(f"{FRR_FOLDER}/bgpd"), None, "gobgp")
    for suite in SUITES:
        yield fetched(build, suite, "frr", *FRR)


def fetched(build, suite, package, test, program):
    root = (build / "matrix" / f"{suite}-{package}").resolve()
    if not (root / "programs").exists():
        print(f"unpacking {package} of {suite}", flush=True)
        root.mkdir(parents=True, exist_ok=True)
        unpack(root, suite, [package, *MODULES.get(package, [])])
    folder = wrapped(root, package)
    return World(test, version(folder / program), folder)


def results(build, world):
    """{test case: whether it passed} of a world, and what failed as text."""
    program = str((build / "tests" / world.test).resolve())
    done = subprocess.run(
        [*world.command(program), "--reporter", "xml"],
        env=dict(os.environ, ANYCAST_UPSTREAMS=world.upstreams),
        text=True,
        capture_output=True,
        check=False,
    )
    passed, failures = {}, []
    try:
        cases = list(xml.fromstring(done.stdout).iter("TestCase"))
    except xml.ParseError:
        return {}, [f"{world.test} ended with status {done.returncode}: {done.stderr[-500:]}"]
    for case in cases:
        name = case.get("name")
        passed[name] = case.find("OverallResult").get("success") == "true"
        for failed in case.iter("Expression"):
            if failed.get("success") == "false":
                said = " ".join(failed.findtext("Expanded", "").split())
                place = f"{failed.get('filename')}:{failed.get('line')}"
                failures.append(f"{name}: {place}: {said[:300]}")
    return passed, failures


def cell(passed, name):
    if name not in passed:
        return "-"
    return "ok" if passed[name] else "FAILED"


def table(by_world):
    """Rows: the actions, then all else together; columns: daemons in their versions."""
    columns = [world.title() for world, _ in by_world]
    actions = [
        name for name in by_world[0][1] if name.startswith("action: ")
    ]
    width = max(len(name) for name in actions)
    yield f"{'':<{width}}  " + "  ".join(f"{c:<19}" for c in columns)
    for name in actions:
        cells = (cell(passed, name) for _, passed in by_world)
        yield f"{name.removeprefix('action: '):<{width}}  " + "  ".join(f"{c:<19}" for c in cells)
    rest = []
    for _, passed in by_world:
        others = [ok for name, ok in passed.items() if not name.startswith("action: ")]
        rest.append(f"{sum(others)} of {len(others)}")
    yield f"{'all other contract tests':<{width}}  " + "  ".join(f"{c:<19}" for c in rest)


def main():
    build = Path(sys.argv[-1])
    of = newest if sys.argv[1:-1] == ["--newest"] else worlds
    if os.geteuid() != 0:
        print("SKIP: network namespaces need root")
        return 1 if os.environ.get("CI") else 0
    by_world, failures = [], []
    for world in of(build):
        if world.version is None:
            failures.append(f"no daemon for {world.test} in {world.folder or 'this machine'}")
            continue
        print(f"{world.test}: {world.title()}", flush=True)
        passed, failed = results(build, world)
        by_world.append((world, passed))
        failures += [f"{world.title()}: {each}" for each in failed]
    print(*table(by_world), sep="\n")
    print(*failures, sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
