#!/usr/bin/env python3
"""Who may include whom, how long a file may be, what every compiler can read, and that the core does no I/O.

usage: layers.py BUILD
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# base <- model <- config, render <- core <- ports <- app <- sim <- cmd
ORDER = {
    "base": set(),
    "model": {"base"},
    "config": {"base", "model"},
    "render": {"base", "model"},
    "core": {"base", "model", "config", "render"},
    "ports": {"base", "model", "config", "render", "core"},
    "app": {"base", "model", "config", "render", "core", "ports"},
    "sim": {"base", "model", "config", "render", "core", "ports", "app"},
    "cmd": {"base", "model", "config", "render", "core", "ports", "app", "sim"},
}
ADAPTERS_USE = {"base", "model", "render", "ports"}
PURE = ("base", "model", "render", "core")
# The clock, files, sockets, threads and streams, as the linker names them.
IMPURE = re.compile(
    r"^(clock_gettime|gettimeofday|time|open|openat|fopen|read|write|socket|connect|send|recv|poll|"
    r"epoll_wait|pthread_create|nanosleep|getenv|getrandom|rand|random)(@.*)?$"
    r"|_clock3nowEv|basic_[io]?fstream|random_device|_ZNSt6thread"
)
INCLUDE = re.compile(r'^#include "(controller|adapters)/([a-z0-9_]+)/')
# Those that return a std::ranges::subrange, which clang 14 cannot read in libstdc++ 12: the sanitizers and
# clang-tidy would not take the file. The algorithms of namespace std do the same with iterators.
SUBRANGE = re.compile(
    r"ranges::(equal_range|find_end|partition|remove|remove_if|rotate|search|search_n|stable_partition|unique)\("
)
# What a file defines for itself in its unnamed namespace: functions with their arguments, constants, types.
OWN_NAME = re.compile(
    r"^[A-Za-z][\w:<>,&* ]*?[ &*](\w+\([^()]*\)) (?:const )?\{"
    r"|^(?:constexpr [\w:<>]+|const [\w:<>]+|struct|class|enum class) (\w+)\b(?!;)",
    re.M,
)
# Longer than 400 lines only where one table or one engine is the whole file.
LIMITS = {".cpp": 400, ".hpp": 150}
ALLOWED_LONG = {"controller/model/config.hpp": 240, "controller/model/plan.hpp": 200}


def include_faults(path):
    part, folder = path.relative_to(ROOT).parts[:2]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        to_part, to_folder = match.groups()
        if part == "controller":
            good = to_part == "controller" and (to_folder == folder or to_folder in ORDER[folder])
            good = good or (to_part == "adapters" and folder == "cmd")
        elif to_part == "adapters":
            good = to_folder in (folder, "system")
        else:
            good = to_folder in ADAPTERS_USE
        if not good:
            yield f"{path.relative_to(ROOT)}:{number}: {part}/{folder} may not include {to_part}/{to_folder}"


def subrange_faults(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := SUBRANGE.search(line):
            yield f"{path.relative_to(ROOT)}:{number}: {match[0][:-1]}: clang 14 cannot compile it, take std::{match[1]}"


def twin_faults(paths):
    """One name for two things, or two definitions of one thing: the sanitizers compile a folder's files together."""
    seen = {}
    for path in paths:
        for body in re.findall(r"^namespace \{\n(.*?)^\}  // namespace$", path.read_text(), re.S | re.M):
            for name in OWN_NAME.findall(body):
                # A function may be overloaded by its arguments, so that those count.
                first = seen.setdefault((path.parent, " ".join(name[0].split()) or name[1]), path)
                if first != path:
                    yield f"{path.relative_to(ROOT)}: '{name[0] or name[1]}' is also in {first.name}"


def length_faults(path):
    name = str(path.relative_to(ROOT))
    lines = len(path.read_text().splitlines())
    limit = ALLOWED_LONG.get(name, LIMITS[path.suffix])
    if lines > limit:
        yield f"{name}: {lines} lines, limit {limit}: is there a seam?"


def impure(build, library):
    archive = build / f"lib{library}.a"
    if not archive.exists():
        yield f"{archive}: not built"
        return
    symbols = subprocess.run(["nm", "-u", archive], capture_output=True, text=True, check=True).stdout
    for line in symbols.splitlines():
        name = line.strip().removeprefix("U ").strip()
        if IMPURE.search(name):
            yield f"lib{library}.a uses {name}: {', '.join(PURE)} may not"


def main():
    build = Path(sys.argv[1])
    faults = []
    sources = sorted(p for d in ("controller", "adapters") for s in LIMITS for p in (ROOT / d).rglob(f"*{s}"))
    for path in sources:
        faults += include_faults(path)
        faults += length_faults(path)
        faults += subrange_faults(path)
    tests = sorted((ROOT / "tests").rglob("*.[ch]pp"))
    # Of the other folders of tests each file is a program of its own.
    together = [p for p in tests if p.relative_to(ROOT).parts[1] in ("unit", "contract", "support")]
    faults += twin_faults(p for p in sources + together if p.suffix == ".cpp")
    for path in tests:
        faults += subrange_faults(path)
    for library in PURE:
        faults += impure(build, library)
    if not list(impure(build, "adapter_system")):
        faults.append("the check of purity finds nothing impure in adapters/system: it checks nothing")
    print("\n".join(faults) or f"layers: {len(sources)} files, all in order")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
