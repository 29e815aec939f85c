"""Programs under test on loopback; each ends with the test that started it."""

import contextlib
import http.client
import shutil
import socket
import subprocess
import time
import unittest


def needs(*programs):
    """Skips where a program is not installed; tests/run makes a skip a failure in CI."""
    missing = [program for program in programs if not shutil.which(program)]
    return unittest.skipIf(missing, f"not installed: {', '.join(missing)}")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def running(*words, folder):
    """A program in the background, its words in FOLDER/log; ended at the end."""
    with open(f"{folder}/log", "wb") as log:
        process = subprocess.Popen(list(map(str, words)), stdout=log, stderr=log, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        try:
            self.sock.connect(self.path)
        except OSError:
            self.sock.close()
            raise


def fetch(connect, path, process, good=lambda text: True):
    """The page once it is there and good; connect() makes a connection."""
    deadline = time.monotonic() + 60
    text = "nothing answered"
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with contextlib.closing(connect()) as connection:
                connection.request("GET", path)
                answer = connection.getresponse()
                text = answer.read().decode()
            if answer.status == 200 and good(text):
                return text
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)
    raise AssertionError(f"no {path} in time; the last answer: {text[:2000]}")
