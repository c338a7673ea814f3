# SPDX-License-Identifier: BSL-1.0
"""What is measured: a case is one sample of one subject, named WHAT/SETTING/WHO; a group is measured together."""

import json
import os
import re
import resource
import subprocess
from dataclasses import dataclass, field

# Nothing takes as long; a peer that hangs must not stop the rest.
TIMEOUT = 120


@dataclass(frozen=True)
class Case:
    name: str
    command: tuple
    native: bool = True
    every: int = 1  # taken in the first of so many rounds

    @property
    def what(self):
        return self.name.split("/")[0]

    @property
    def setting(self):
        return self.name.split("/")[1]

    @property
    def who(self):
        return self.name.split("/")[2]

    def run(self):
        """One sample: a dictionary with `ns` and `foreign` at least. Raises if the program fails."""
        ended = subprocess.run(self.command, capture_output=True, text=True, timeout=TIMEOUT, check=True)
        return read_benchmark(ended.stdout) if self.native else read_line(ended.stdout)


@dataclass(frozen=True)
class Compilation(Case):
    """The processor time of a compiler."""

    every: int = 4

    def run(self):
        before, others = resource.getrusage(resource.RUSAGE_CHILDREN), CpuWatch()
        subprocess.run(self.command, capture_output=True, timeout=TIMEOUT, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"ns": 1e9 * own, "foreign": others.foreign_share(own)}


class CpuWatch:
    """What the machine does from now on: see benchmarks/support/quiet.hpp."""

    def __init__(self):
        self.begin = self.ticks()

    @staticmethod
    def ticks():
        with open("/proc/stat", encoding="ascii") as file:
            return [int(field) for field in file.readline().split()[1:9]]

    def foreign_share(self, own_seconds):
        passed = [now - then for now, then in zip(self.ticks(), self.begin)]
        foreign = sum(passed) - passed[3] - passed[4] - own_seconds * os.sysconf("SC_CLK_TCK")
        return max(0.0, foreign) / max(1, sum(passed))


@dataclass
class Group:
    """Cases whose ratios to each other count."""

    name: str
    cases: list = field(default_factory=list)


def read_benchmark(text):
    """The only benchmark in what Google Benchmark prints as JSON."""
    (one,) = json.loads(text)["benchmarks"]
    if one.get("error_occurred"):
        raise RuntimeError(one["error_message"])
    usual = {"name", "run_name", "family_index", "per_family_instance_index", "run_type", "repetitions",
             "repetition_index", "threads", "iterations", "real_time", "cpu_time", "time_unit"}
    return {"ns": one["real_time"], **{key: value for key, value in one.items() if key not in usual}}


def read_line(text):
    """`key=value key=value`, the last line that a peer prints."""
    return {key: float(value) for key, value in re.findall(r"(\w+)=(\S+)", text.strip().splitlines()[-1])}


def cases_of(program, milliseconds):
    """All that a program of ours can measure."""
    listed = subprocess.run([program, "--benchmark_list_tests"], capture_output=True, text=True, check=True)
    for line in listed.stdout.split():
        name = "/".join(line.split("/")[:3])
        yield Case(name, (str(program), f"--benchmark_filter=^{name}/", "--benchmark_format=json",
                          f"--milliseconds={milliseconds}"))


def group_name(case):
    """More threads than one are one group: its rounds need the floors at two threads."""
    if case.what == "cycle":
        return "cycle, one thread" if case.setting == "1" else "cycle, many threads"
    return f"{case.what} {case.setting}"


def groups_of(cases):
    groups = {}
    for case in cases:
        groups.setdefault(group_name(case), Group(group_name(case))).cases.append(case)
    return list(groups.values())

