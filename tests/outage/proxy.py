# SPDX-License-Identifier: BSL-1.0
"""A TCP proxy on loopback that misbehaves when it is told to: proxy.py LISTEN:SERVER...

Each pair of ports is one way through. One line on the standard input is one order, and is answered by one line:

    pass       hand on what comes (so it begins)
    swallow    accept, and throw away what comes, in both directions
    hang_up    reset all connections, and from now on each as soon as it is accepted
    storm MS   reset all connections, again and again, after so many milliseconds each time
    calm       end the storm, and say how many connections it has reset

It ends with its standard input.
"""

import asyncio
import socket
import struct
import sys

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close discards what is there, and sends RST


class End(asyncio.Protocol):
    """One end of a connection through the proxy; `other` is the other one, once it is there."""

    def __init__(self, ways):
        self.ways = ways
        self.other = None
        self.transport = None
        self.early = []

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if self.ways.swallows:
            return
        if self.other is None or self.other.transport is None:
            self.early.append(data)
        else:
            self.other.transport.write(data)

    def connection_lost(self, _):
        if self.other is not None and self.other.transport is not None:
            self.other.transport.abort()


class Ways:
    """All ways through, and what is done with what comes."""

    def __init__(self):
        self.swallows = False
        self.hangs_up = False
        self.storm = None
        self.fronts = set()
        self.resets = 0

    async def open(self, listen, server):
        await asyncio.get_running_loop().create_server(lambda: Front(self, server), "127.0.0.1", listen, backlog=1000)

    def reset_all(self):
        for front in list(self.fronts):
            front.reset()
        self.resets += len(self.fronts)
        self.fronts.clear()

    async def reset_again_and_again(self, seconds):
        while True:
            self.reset_all()
            await asyncio.sleep(seconds)

    def obey(self, order, *numbers):
        if order == "storm":
            self.storm = asyncio.get_running_loop().create_task(self.reset_again_and_again(float(numbers[0]) / 1000))
        elif order == "calm":
            self.storm.cancel()
            return str(self.resets)
        else:
            self.swallows = order == "swallow"
            self.hangs_up = order == "hang_up"
            if self.hangs_up:
                self.reset_all()
        return "done"


class Front(End):
    """The end on the client's side. It connects to the server at once, whether or not it then hands anything on."""

    def __init__(self, ways, server):
        super().__init__(ways)
        self.server = server
        self.task = None

    def connection_made(self, transport):
        super().connection_made(transport)
        if self.ways.hangs_up:
            self.reset()
            return
        self.ways.fronts.add(self)
        self.task = asyncio.get_running_loop().create_task(self.reach_server())

    def reset(self):
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()

    async def reach_server(self):
        back = End(self.ways)
        back.other = self
        try:
            await asyncio.get_running_loop().create_connection(lambda: back, "127.0.0.1", self.server)
        except OSError:
            self.transport.abort()
            return
        if self.transport.is_closing():
            back.transport.abort()
            return
        self.other = back
        for data in self.early:
            back.transport.write(data)

    def connection_lost(self, error):
        self.ways.fronts.discard(self)
        super().connection_lost(error)


async def main():
    ways = Ways()
    for pair in sys.argv[1:]:
        await ways.open(*map(int, pair.split(":")))
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print("listening", flush=True)
    while line := await orders.readline():
        print(ways.obey(*line.decode().split()), flush=True)


asyncio.run(main())
