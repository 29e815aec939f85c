"""The Debian package of the build, made once for all tests of a run."""

import functools
import subprocess
import tempfile
from pathlib import Path

from exporters_test import BUILD

# What maintainer scripts call; in a test each only writes down that it was called.
CALLED = "systemctl systemd-sysusers systemd-tmpfiles deb-systemd-helper deb-systemd-invoke usermod adduser getent bird birdc"


def run(*words, **more):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, **more)
    assert done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


@functools.cache
def _folder():
    return tempfile.TemporaryDirectory()


@functools.cache
def package():
    out = Path(_folder().name)
    run("cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", out, cwd=out)
    (deb,) = out.glob("*.deb")
    return deb


def stubs(folder, log):
    """A PATH on which what maintainer scripts call only writes its words into the log."""
    folder.mkdir()
    for name in CALLED.split():
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{log}\n')
        (folder / name).chmod(0o755)
    return folder
