# SPDX-License-Identifier: BSL-1.0
"""Takes samples in rounds, and throws away what was disturbed."""

import json
import subprocess
import sys
import time

QUIET = 0.12  # the most of the machine that others may use while a sample is taken
OVERLAP = 3.0  # how many times the private pair's time the shared CAS pair takes, if threads really run at once
GATE = ("cycle/2/cas_private", "cycle/2/cas_shared")
TRIES = 4
PATIENCE = 0.2  # seconds more to wait after each sample that was disturbed


class Rounds:
    """Appends a line for each group and round to a file: the samples, and how many were thrown away."""

    def __init__(self, path, groups, filtered=True, progress=sys.stderr):
        self.path = path
        self.groups = groups
        self.filtered = filtered
        self.progress = progress
        names = {case.name: case for group in groups for case in group.cases}
        self.gate_cases = [names[name] for name in GATE if name in names]

    def take(self, number, total):
        """One round: every group, beginning with another one each time."""
        for index, group in enumerate(rotated(self.groups, number)):
            started = time.monotonic()
            record = self.take_group(group, number)
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
            thrown = f", {record['loud']} thrown away" if record["loud"] else ""
            thrown += ", threads did not overlap" if record["apart"] else ""
            print(f"round {number + 1}/{total}, group {index + 1}/{len(self.groups)}: {group.name}: "
                  f"{len(record['cells'])} samples in {time.monotonic() - started:.0f} s{thrown}",
                  file=self.progress, flush=True)

    def take_group(self, group, number):
        record = {"group": group.name, "round": number, "cells": {}, "loud": 0, "apart": 0, "failed": [],
                  "filtered": self.filtered}
        due = [case for case in group.cases if number % case.every == 0]
        needs_overlap = any(is_parallel(case) for case in due)
        for _ in range(TRIES):
            record["cells"] = {}
            if needs_overlap and not self.threads_overlap(record):
                continue
            for case in rotated(due, number):
                if case.name not in record["cells"]:
                    self.take_sample(case, record)
            break
        return record

    def threads_overlap(self, record):
        """Takes the floors that say so; False as well if they cannot be taken."""
        for case in self.gate_cases:
            self.take_sample(case, record)
        if not self.filtered or not self.gate_cases:
            return True
        private, shared = (record["cells"].get(case.name) for case in self.gate_cases)
        if not private or not shared:
            return False
        if shared["ns"] >= OVERLAP * private["ns"]:
            return True
        record["apart"] += 1
        return False

    def take_sample(self, case, record):
        for attempt in range(TRIES):
            time.sleep(PATIENCE * attempt)
            try:
                sample = case.run()
            except (subprocess.SubprocessError, RuntimeError, ValueError, OSError) as error:
                record["failed"].append(f"{case.name}: {error}")
                print(f"  {case.name} failed: {error}", file=self.progress)
                return
            if not self.filtered or sample["foreign"] <= QUIET:
                record["cells"][case.name] = sample
                return
            record["loud"] += 1


def is_parallel(case):
    """Does its figure mean what it says only where two threads run at once?"""
    return case.what in ("cycle", "async", "async_waiting") and case.setting != "1"


def rotated(items, by):
    at = by % len(items) if items else 0
    return items[at:] + items[:at]


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]
