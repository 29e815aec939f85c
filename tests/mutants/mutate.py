#!/usr/bin/env python3
"""Writes a source file with one line broken on purpose.

usage: mutate.py MUTANT OUTPUT, from the root of the tree

A mutant's file names the source in its first line; then one line that is there exactly once, after
"- ", and what takes its place, after "+ ".
"""

import sys
from pathlib import Path


def main():
    mutant, output = map(Path, sys.argv[1:])
    source, *lines = mutant.read_text().splitlines()
    old = [line[2:].strip() for line in lines if line.startswith("- ")]
    new = [line[2:] for line in lines if line.startswith("+ ")]
    if len(old) != 1 or len(new) != 1:
        sys.exit(f"{mutant}: expected one line with '- ' and one with '+ '")
    text = Path(source).read_text().splitlines()
    found = [i for i, line in enumerate(text) if line.strip() == old[0]]
    if len(found) != 1:
        sys.exit(f"{mutant}: '{old[0]}' is {len(found)} times in {source}, expected once")
    text[found[0]] = new[0]
    output.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
