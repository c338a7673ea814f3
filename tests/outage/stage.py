# SPDX-License-Identifier: BSL-1.0
"""What a scene is played on: servers, what stands before them, and a pool of one threading model under load."""

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Optional

from .processes import Load, Namespace, Proxy, Redis, end_all, free_ports

CONNECT = 0.010  # seconds: a connect on loopback, or the answer to a request
GOOD_ANSWERS = 100  # that the pool has to give in a row before the fault, and after all is well


@dataclass
class Outage:
    """One server was away. Times are those of the load's clock, in seconds."""
    port: int
    begun: float
    lost: int  # connections that were up to it
    struck: Optional[float] = None  # the deed was done
    healed: Optional[float] = None


@dataclass
class Terms:
    """What may be asked of the pool in this scene."""
    others: bool = True            # some server was good all the time: no claim needs to fail
    connects_hang: bool = False    # rather than be refused, or succeed
    requests_lost: Optional[int] = None  # so many may fail; None: any number, while the outage lasts
    least: int = 0                 # connections that have to be opened, whatever the pool does
    spare: int = 0                 # connections more than these that it may open
    refuses: bool = False          # connects are in vain while the outage lasts


@dataclass
class Stage:
    build: object
    model: str
    count: int = 3
    behind: Optional[str] = None  # "proxy", "namespace"
    settings: tuple = ()
    outages: list = field(default_factory=list)
    terms: Terms = field(default_factory=Terms)
    settled: Optional[float] = None

    @contextmanager
    def open(self, journal):
        """Everything runs, and the pool is whole, when this begins. At its end the load stops, then all else."""
        try:
            self._begin(journal)
            yield self
            self.load.stop()
        finally:
            end_all()

    def _begin(self, journal):
        prefix = []
        ports = free_ports(self.count)
        if self.behind == "namespace":
            self.namespace = Namespace()
            prefix = self.namespace.prefix
        self.servers = [Redis(port, prefix) for port in ports]
        for server in self.servers:
            server.start()
        self.ports = ports
        if self.behind == "proxy":
            self.proxy = Proxy(self.servers)
            self.ports = self.proxy.ports
        self.load = Load(self.build, prefix, [f"model={self.model}", *(f"port={port}" for port in self.ports),
                                              *self.settings], journal)
        self.until_whole()
        self.until_good_answers()

    # What the load tells.

    def now(self):
        return self.load.pools[-1]

    def row(self, port, pool=None):
        return next((row for row in (pool or self.now())["backends"] if row["port"] == port), None)

    def is_whole(self, pool):
        """Each server has what the plan gives it, and nothing is under way."""
        rows = pool["backends"]
        return (len(rows) == self.count and all(row["live"] and row["up"] == row["planned"] == row["total"]
                                                for row in rows)
                and sum(row["up"] for row in rows) == self.load.options["max_connections"])

    def share(self, servers):
        """Of one, where so many are live; whole, for all that is shipped here can be divided."""
        return self.load.options["max_connections"] // servers

    # What the scene waits for.

    def until(self, holds, what):
        self.load.wait_until(holds, what)

    def until_whole(self):
        """Of a snapshot that is new."""
        since = time.monotonic()
        self.until(lambda: self.now()["t"] > since and self.is_whole(self.now()), "the pool was whole")
        self.settled = self.now()["t"]

    def until_good_answers(self):
        first = len(self.load.claims)
        self.until(lambda: sum(each["request"] == "good" for each in self.load.claims[first:]) >= GOOD_ANSWERS,
                   "requests were answered")

    def until_requests_ended(self):
        """Those that were made before the last return."""
        until = max(outage.healed for outage in self.outages) + self.load.options["request_limit"] / 1000
        self.until(lambda: self.now()["t"] >= until, "time passed")

    def until_taken_over(self, port):
        """It is dead, and the others have its share."""
        whole = self.load.options["max_connections"]
        self.until(lambda: self.row(port)["dead"] and self.row(port)["total"] <= 1 and
                   sum(row["up"] for row in self.now()["backends"]) == whole,
                   "the others had the share of the one that went")

    def until_delays_are_long(self):
        """Since the first outage began: long enough for any delay to have grown to its maximum."""
        until = self.outages[0].begun + 3 * self.longest_delay()
        self.until(lambda: self.now()["t"] >= until, "time passed")

    def longest_delay(self):
        options = self.load.options
        return options["max_delay"] * (1 + options["spread"]) / 1000

    # What happens to servers.

    def strike(self, port, deed):
        """The outage of this server begins with the deed."""
        self.outages.append(Outage(port, time.monotonic(), self.row(port)["up"]))
        self.complete(self.outages[-1], deed)
        return self.outages[-1]

    def complete(self, outage, deed):
        """The server is away for good when the deed is done."""
        deed()
        outage.struck = time.monotonic()

    def heal(self, outage, deed):
        """The deed ends it, and it is over when the deed is done."""
        deed()
        outage.healed = time.monotonic()

    def missing(self):
        """Connections that the servers that were away have to get back, at most."""
        return max(self.share(1) if self.count == 1 else self.share(2), 1)

    def doomed(self, outage):
        """How many connects to it succeeded while it was being struck."""
        return sum(event["what"] == "connected" and event["port"] == outage.port and
                   outage.begun <= event["t"] < outage.struck + CONNECT for event in self.load.events)

    def deaths(self):
        return sum(event["what"] == "dead" for event in self.load.events)

    def attempts(self, outage):
        """In a row that the back-off allows: the retries; then one probe after each delay of the longest kind."""
        options = self.load.options
        shortest = options["max_delay"] * (1 - options["spread"]) / 1000
        return options["retries"] + math.ceil((outage.healed - outage.begun) / shortest) + 1

    def rounds(self, connections):
        """One after the other, as many connects at once as may be."""
        return math.ceil(connections / self.load.options["per_backend"])
