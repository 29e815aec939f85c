"""A connection that takes its time: each piece of what passes is held back.

usage: late_relay.py PORT ADDRESS SECONDS       from 127.0.0.1:PORT to port 9090 of ADDRESS
"""

import asyncio
import sys

PORT, ADDRESS, LATE = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])


async def pass_on(reader, writer):
    while piece := await reader.read(1 << 20):
        await asyncio.sleep(LATE)
        writer.write(piece)
    writer.close()


async def relay(reader, writer):
    answers, requests = await asyncio.open_connection(ADDRESS, 9090)
    await asyncio.gather(pass_on(reader, requests), pass_on(answers, writer))


async def serve():
    async with await asyncio.start_server(relay, "127.0.0.1", PORT) as server:
        await server.serve_forever()


asyncio.run(serve())
