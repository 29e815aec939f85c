"""One exchange with a daemon's control socket."""

import http.client
import json
import socket


class _Unix(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("anycastd", timeout=timeout)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def call(path, method, what, body=None, timeout=5):
    """(status code, text). OSError if nobody answers, also if the answer stops half way."""
    line = _Unix(path, timeout)
    try:
        line.request(method, what, body=None if body is None else json.dumps(body))
        answer = line.getresponse()
        return answer.status, answer.read().decode()
    except http.client.HTTPException as error:
        raise ConnectionError(f"{method} {what}: {error!r}") from error
    finally:
        line.close()
