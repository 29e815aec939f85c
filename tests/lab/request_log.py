"""One user who keeps asking: a short request every 20 ms, each on a connection of its own and never sent again.

usage: request_log.py VIP

Prints one line per request, in order of their ends: when it was sent (Unix seconds), and the name of the node that
answered, or "-" where none did in time.
"""

import asyncio
import sys
import time

from clients import request

EVERY, PATIENCE = 0.02, 0.5  # seconds


async def one(vip):
    sent, by = time.time(), "-"
    try:
        by = await asyncio.wait_for(request(vip), PATIENCE)
    except (OSError, asyncio.TimeoutError):
        pass
    print(f"{sent:.3f} {by}", flush=True)


async def main(vip):
    loop = asyncio.get_running_loop()
    due, running = loop.time(), set()
    while True:
        await asyncio.sleep(due - loop.time())
        due += EVERY
        task = asyncio.create_task(one(vip))
        running.add(task)
        task.add_done_callback(running.discard)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
