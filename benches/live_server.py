"""A local server of streams: `python -m benches.live_server FILE SECONDS` answers each request with the SSE of a file, one event a chunk.

`SECONDS` is the pause behind each event. Prints its port. Ends when its standard input is closed. Standard library only.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


async def _serve(blocks: list[bytes], pause: float) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(_length(head))
                writer.write(_HEAD)
                for block in blocks:
                    writer.write(b"%x\r\n%b\r\n" % (len(block), block))
                    await writer.drain()
                    await asyncio.sleep(pause)
                writer.write(b"0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


if __name__ == "__main__":
    _, _file, _pause = sys.argv
    _blocks = [block + b"\n\n" for block in Path(_file).read_bytes().split(b"\n\n")[:-1]]
    asyncio.run(_serve(_blocks, float(_pause)))
