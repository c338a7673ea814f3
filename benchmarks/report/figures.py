# SPDX-License-Identifier: BSL-1.0
"""Medians with their 90 % interval."""

import math
from collections import defaultdict
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """A median, and an interval that contains the true one in nine of ten cases, or more."""

    middle: float
    low: float
    high: float
    count: int

    def times(self, factor):
        return Figure(self.middle * factor, self.low * factor, self.high * factor, self.count)


def figure(values):
    """The interval ends at the values of such ranks that a median lies outside with a probability of at most 0.1,
    whatever the distribution; with fewer than five values it is their range, which promises less."""
    ordered = sorted(values)
    count = len(ordered)
    if not count:
        return None
    rank = 0
    outside = 2 * 0.5**count
    while rank + 1 < count / 2:
        outside += 2 * math.comb(count, rank + 1) * 0.5**count
        if outside > 0.1:
            break
        rank += 1
    return Figure(median(ordered), ordered[rank], ordered[count - 1 - rank], count)


class Results:
    """All records of a file, asked by the names of cases."""

    def __init__(self, records):
        self.records = records
        self.by_name = defaultdict(list)
        for record in records:
            for name, sample in record["cells"].items():
                self.by_name[name].append((record, sample))

    def names(self):
        return list(self.by_name)

    def has(self, name):
        return name in self.by_name

    def values(self, name, key="ns"):
        return [sample[key] for _, sample in self.by_name[name] if key in sample]

    def figure(self, name, key="ns"):
        return figure(self.values(name, key))

    def ratio(self, name, floor, key="ns"):
        """Each round's own ratio; None if they have no round in common."""
        return figure([sample[key] / record["cells"][floor][key] for record, sample in self.by_name[name]
                       if record["cells"].get(floor, {}).get(key)])

    @property
    def loud(self):
        return sum(record["loud"] for record in self.records)

    @property
    def apart(self):
        return sum(record["apart"] for record in self.records)

    @property
    def taken(self):
        return sum(len(record["cells"]) for record in self.records)

    @property
    def rounds(self):
        return len({record["round"] for record in self.records})
