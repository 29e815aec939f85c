"""What the users of a service notice of a change: short requests, datagrams, and one long download.

As a program it is one user: `clients.py VIP SECONDS` prints its tallies as JSON. `Clients` lets all
users of a lab be that at once.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter

PER_SECOND = 10  # requests, and as many datagrams
PATIENCE = 1.0  # seconds; an answer later than this is a lost one
HTTP, ECHO = 80, 7


class Clients:
    """All users of a lab, running until `tally`."""

    def __init__(self, hosts, users, vip, seconds):
        self._seconds = seconds
        self._running = [
            subprocess.Popen(
                hosts.command(user.name, [sys.executable, __file__, vip, seconds]),
                stdout=subprocess.PIPE,
            )
            for user in users
        ]

    def tally(self):
        """{what: its count, over all users}, at their end."""
        total = Counter()
        try:
            for process in self._running:
                output, _ = process.communicate(timeout=self._seconds + 15)
                total.update(json.loads(output))
        finally:
            self.stop()
        return total

    def stop(self):
        for process in self._running:
            if process.poll() is None:
                process.kill()
                process.wait()


async def request(vip):
    """The name of the node that answers a GET on a connection of its own."""
    reader, writer = await asyncio.open_connection(vip, HTTP)
    try:
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.read()
    finally:
        writer.transport.abort()
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.0 200") or not body:
        raise OSError("half an answer")
    return body.decode().strip()


async def short_request(vip, tally):
    """A GET may be sent again where its connection broke (RFC 9110 section 9.2.2): once."""
    tally["requests"] += 1
    for again in (False, True):
        try:
            tally["by " + await asyncio.wait_for(request(vip), PATIENCE)] += 1
            tally["requests sent again"] += again
            return
        except (OSError, asyncio.TimeoutError):
            pass
    tally["requests lost"] += 1


class Echo(asyncio.DatagramProtocol):
    """Datagrams that came back; routers' errors are no answers."""

    def __init__(self):
        self.answered = set()

    def datagram_received(self, data, _):
        self.answered.add(data)

    def error_received(self, _):
        pass


async def download(vip, tally):
    """Seconds that a download without end went on, in tenths; it is never begun again."""
    began = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection(vip, HTTP)
        writer.write(b"GET /stream HTTP/1.0\r\n\r\n")
        while await asyncio.wait_for(reader.read(65536), PATIENCE):
            tally["tenths of downloads"] = round(10 * (time.monotonic() - began))
    except (OSError, asyncio.TimeoutError):
        pass
    tally["downloads broken"] += 1


async def main(vip, seconds):
    tally = Counter()
    loop = asyncio.get_running_loop()
    transport, echo = await loop.create_datagram_endpoint(Echo, remote_addr=(vip, ECHO))
    long_one = asyncio.create_task(download(vip, tally))
    began, running = loop.time(), []
    for turn in range(round(seconds * PER_SECOND)):
        await asyncio.sleep(began + turn / PER_SECOND - loop.time())
        running.append(asyncio.create_task(short_request(vip, tally)))
        transport.sendto(f"{turn}".encode())
        tally["datagrams"] += 1
    long_one.cancel()  # as the user does; what broke before has counted itself
    await asyncio.gather(*running)
    await asyncio.sleep(PATIENCE)
    tally["datagrams lost"] = tally["datagrams"] - len(echo.answered)
    transport.close()
    print(json.dumps(tally))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
