# SPDX-License-Identifier: BSL-1.0
"""Builds what is measured, and says what is missing."""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .cases import Case, Compilation, cases_of

PACKAGES = {
    "g++": "g++", "meson": "meson", "ninja": "ninja-build", "pkg-config": "pkg-config",
}
PEERS = {
    "soci": "libsoci-dev", "poco": "libpoco-dev", "apr": "libaprutil1-dev",
}
OPTIONS = ["-Dbenchmarks=enabled", "-Dtests=disabled", "-Dlaws=disabled", "-Dproperties=disabled",
           "-Dexamples=disabled", "-Dbuildtype=release", "-Db_ndebug=true"]


def say(words):
    print(words, file=sys.stderr, flush=True)


def run(command, **more):
    """Ends the script with what the command said, if that fails."""
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if ended.returncode:
        sys.exit(f"{ended.stdout}\n{' '.join(map(str, command))} failed.")
    return ended.stdout


def build(root, directory):
    """Ends the script if something is missing. Returns where the programs are."""
    missing = [package for tool, package in PACKAGES.items() if not shutil.which(tool)]
    if not missing and subprocess.run(["pkg-config", "--exists", "benchmark"], check=False).returncode:
        missing.append("libbenchmark-dev")
    if missing:
        sys.exit(f"Missing, as Debian calls them: {' '.join(missing)}")
    say("building")
    again = ["--reconfigure"] if (directory / "build.ninja").exists() else []
    run(["meson", "setup", *again, directory, root, *OPTIONS])
    run(["meson", "compile", "-C", directory])
    return directory / "benchmarks"


def all_cases(root, directory, milliseconds):
    programs = build(root, directory)
    found = [*cases_of(programs / "suite", milliseconds), *cases_of(programs / "allocations", milliseconds)]
    for peer, package in PEERS.items():
        if (programs / peer).exists():
            found += cases_of(programs / peer, milliseconds)
        else:
            say(f"skipped: {peer}, since {package} is not there")
    found += compilations(root)
    found += hikaricp(root, directory, milliseconds)
    found += node(root, directory, milliseconds)
    return found


def compilations(root):
    compiler = os.environ.get("CXX", "c++").split()
    for level in ("-O0", "-O2"):
        for what in ("asio_only", "one_pool"):
            yield Compilation(f"compile/{level[1:]}/{what}", (
                *compiler, "-std=c++20", level, f"-I{root}/include", f"-I{root}/policies", "-pthread", "-c",
                "-o", "/dev/null", f"{root}/benchmarks/compiling/{what}.cpp"))


def cycle_cases(who, command, milliseconds):
    """Those of a peer with a program of its own: THREADS CONNECTIONS MILLISECONDS are its arguments."""
    return [Case(f"cycle/{threads}/{who}", (*command, str(threads), "16", str(milliseconds)), native=False)
            for threads in (1, 2, 8)]


def hikaricp(root, directory, milliseconds):
    jars = [Path("/usr/share/java") / jar for jar in ("HikariCP.jar", "slf4j-api.jar", "slf4j-nop.jar")]
    missing = [str(jar) for jar in jars if not jar.exists()]
    missing += [tool for tool in ("java", "javac") if not shutil.which(tool)]
    if missing:
        say(f"skipped: HikariCP (libhikaricp-java, default-jdk-headless); missing: {', '.join(missing)}")
        return []
    classes = directory / "hikaricp"
    path = ":".join(map(str, jars))
    run(["javac", "-cp", path, "-d", classes, *sorted((root / "benchmarks/peers/hikaricp").glob("*.java"))])
    return cycle_cases("hikaricp", ("java", "-XX:+UseSerialGC", "-cp", f"{classes}:{path}", "Cycle"), milliseconds)


def node(root, directory, milliseconds):
    if not shutil.which("node"):
        say("skipped: node's cueball and generic-pool (nodejs, npm)")
        return []
    home = directory / "node"
    home.mkdir(exist_ok=True)
    found = []
    for module in ("cueball", "generic-pool"):
        where = home / "node_modules" / module
        if not where.exists() and shutil.which("npm"):
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", home, module],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False)
        if not where.exists():
            say(f"skipped: node's {module}, which npm could not install")
            continue
        program = ("env", f"NODE_PATH={home}/node_modules", "node", root / "benchmarks/peers/node/cycle.js", module)
        found += cycle_cases(f"node {module}", tuple(map(str, program)), milliseconds)
    return found


def circumstances(directory):
    """The machine and the compiler, in words."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    compiler = subprocess.run([os.environ.get("CXX", "c++"), "--version"], capture_output=True, text=True,
                              check=False).stdout.splitlines()
    return (f"{os.cpu_count()} processors ({model.group(1) if model else platform.machine()}), "
            f"{compiler[0] if compiler else 'an unknown compiler'}, -O3 -DNDEBUG")
