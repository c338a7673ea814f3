# SPDX-License-Identifier: BSL-1.0
"""The programs of a scene: servers, a proxy, the load. Each ends by its own pid, whatever becomes of the script."""

import ctypes
import json
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE = 10  # seconds that a program has to start, to end, or to answer

_started = []
_libc = ctypes.CDLL(None)


class Stuck(Exception):
    """What was waited for did not come."""


def end_all():
    """Ends what was started and has not ended yet."""
    while _started:
        _started.pop().kill()


def _end_with_the_script():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: even if the script itself is killed


def free_ports(count):
    """Below those that the system gives to clients: one of these that connects to itself looks like a server."""
    ports = []
    while len(ports) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


class Program:
    """A process whose lines on the standard output are `told` as they come, in a thread of their own."""

    def __init__(self, command):
        self.popen = subprocess.Popen(  # on the main thread, with which the process would end
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=_end_with_the_script)
        _started.append(self)
        self.reader = threading.Thread(target=self._read, daemon=True)

    def begin(self):
        self.reader.start()
        return self

    def _read(self):
        for line in self.popen.stdout:
            self.told(line)

    def told(self, line):
        """Called for each line, on the thread that reads."""

    def send(self, signal_number):
        self.popen.send_signal(signal_number)

    def kill(self):
        """At once; a stopped one, too."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.wait()

    def wait(self):
        try:
            self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired as late:
            raise Stuck(f"{self.popen.args[0]} does not end") from late
        finally:
            if self in _started and self.popen.returncode is not None:
                _started.remove(self)
        self.reader.join(PATIENCE)


class Speaker(Program):
    """A program whose lines are waited for one by one."""

    def __init__(self, command):
        super().__init__(command)
        self.lines = queue.SimpleQueue()
        self.begin()

    def _read(self):
        super()._read()
        self.lines.put(None)

    def told(self, line):
        self.lines.put(line)

    def wait_for(self, words):
        """The first line with these words in it."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                line = self.lines.get(timeout=max(0.001, until - time.monotonic()))
            except queue.Empty as late:
                raise Stuck(f"{' '.join(self.popen.args)} does not say '{words}'") from late
            if line is None:
                raise Stuck(f"{' '.join(self.popen.args)} ended before it said '{words}'")
            if words in line:
                return line.strip()

    def order(self, words):
        self.popen.stdin.write(words + "\n")
        self.popen.stdin.flush()
        return self.wait_for("")


class Redis:
    """A server that may be started again on its port."""

    def __init__(self, port, prefix=()):
        self.port = port
        self.prefix = prefix
        self.program = None

    def start(self):
        self.program = Speaker([*self.prefix, "redis-server", "--port", self.port, "--bind", "127.0.0.1",
                                "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", "/"])
        self.program.wait_for("Ready to accept connections")

    def begin_to_die(self):
        self.program.send(signal.SIGKILL)

    def kill(self):
        self.program.kill()

    def shut_down(self):
        self.program.send(signal.SIGTERM)
        self.program.wait()

    def freeze(self):
        self.program.send(signal.SIGSTOP)

    def thaw(self):
        self.program.send(signal.SIGCONT)


class Proxy(Speaker):
    """proxy.py, with a port of its own before each server."""

    def __init__(self, servers):
        self.ports = free_ports(len(servers))
        super().__init__([sys.executable, HERE / "proxy.py",
                          *(f"{mine}:{server.port}" for mine, server in zip(self.ports, servers))])
        self.wait_for("listening")


class Namespace(Speaker):
    """A loopback of its own, on which packets can be dropped. Raises OSError or Stuck where there is none."""

    def __init__(self):
        user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
        super().__init__(["unshare", "-n" if not user else "-Urn", "sh", "-c",
                          "ip link set lo up && nft list ruleset && echo up && exec cat || echo up, without"])
        self.prefix = ["nsenter", "-t", str(self.popen.pid), *user, "-n", "--"]
        if "without" in self.wait_for("up"):
            raise Stuck("no nft or ip in a network namespace")

    def rule(self, text):
        subprocess.run([*self.prefix, "nft", "-f", "-"], input=text, text=True, check=True)

    def drop(self, port):
        self.rule("table ip outage {\n chain input {\n  type filter hook input priority 0;\n"
                  f"  tcp dport {port} drop\n  tcp sport {port} drop\n }}\n}}\n")

    def heal(self):
        self.rule("flush ruleset\n")


class Load(Program):
    """The load. What it tells is kept: `claims`, `pools` (snapshots), `events`; times are seconds."""

    def __init__(self, program, prefix, settings, journal):
        self.options = {}
        self.claims, self.pools, self.events = [], [], []
        self.left = None
        self.ended = False
        self.news = threading.Condition()
        self.journal = open(journal, "w", encoding="utf-8")
        super().__init__([*prefix, program, *settings])
        self.begin()

    def _read(self):
        with self.journal:
            super()._read()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def told(self, line):
        self.journal.write(line)
        entry = json.loads(line)
        for key in ("t", "begun", "claimed"):
            if key in entry:
                entry[key] /= 1e9
        what = entry["what"]
        if what == "claim":
            self.claims.append(entry)
        elif what == "pool":
            with self.news:
                self.pools.append(entry)
                self.news.notify_all()
        elif what == "options":
            self.options = entry
        elif what == "stopped":
            self.left = entry["left"]
        else:
            self.events.append(entry)

    def wait_until(self, holds, what):
        """Asked after each snapshot."""
        with self.news:
            came = self.news.wait_for(lambda: self.ended or (self.pools and holds()), PATIENCE)
        if self.ended:
            self.wait()
            raise Stuck(f"the load ended by itself, with {self.popen.returncode}")
        if not came:
            raise Stuck(f"it never came that {what}")

    def stop(self):
        """Ends it in an orderly way."""
        self.popen.stdin.close()
        self.wait()
        if self.popen.returncode != 0:
            raise Stuck(f"the load ended with {self.popen.returncode}")
