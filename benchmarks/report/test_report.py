#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What the scripts make of samples that are known. Measures nothing."""

import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from report import cases, charts, demands, figures, page, rounds  # noqa: E402


def record(number, **cells):
    return {"group": "g", "round": number, "loud": 1, "apart": 0, "failed": [], "filtered": True,
            "cells": {name.replace("__", "/"): {"ns": ns, "foreign": 0.0} for name, ns in cells.items()}}


class FixedCase(cases.Case):
    """Gives what it is told, one sample after the other."""

    samples = {}

    def run(self):
        return self.samples[self.name].pop(0)


class Report(unittest.TestCase):
    def test_an_interval_of_twenty_ends_at_the_sixth_from_each_side(self):
        found = figures.figure(range(1, 21))
        self.assertEqual((found.middle, found.low, found.high), (10.5, 6, 15))

    def test_few_values_have_their_range(self):
        found = figures.figure([3, 1, 2])
        self.assertEqual((found.low, found.middle, found.high), (1, 2, 3))

    def test_a_ratio_is_that_of_its_round(self):
        # The machine is twice as slow in the second round, which changes no ratio.
        results = figures.Results([record(0, cycle__1__a=20, cycle__1__floor=10),
                                   record(1, cycle__1__a=40, cycle__1__floor=20), record(2, cycle__1__a=99)])
        found = results.ratio("cycle/1/a", "cycle/1/floor")
        self.assertEqual((found.low, found.high, found.count), (2, 2, 2))

    def test_a_demand_is_met_by_the_lower_end(self):
        figure = figures.Figure(1.6, 1.4, 1.8, 20)
        self.assertIn("not", demands.Demand("", figure, 1.3, 1.0).verdict(1.3))
        self.assertEqual(demands.Demand("", figure, 1.5, 1.0).verdict(1.5), "met")
        self.assertIn("not", demands.Demand("", figure, 1.5, 2.0, at_most=False).verdict(1.5))

    def test_a_disturbed_sample_is_taken_again(self):
        case = FixedCase("memory/1/a", ())
        FixedCase.samples = {"memory/1/a": [{"ns": 1, "foreign": 0.5}, {"ns": 2, "foreign": 0.1}]}
        taken = self.take(case)
        self.assertEqual(taken["cells"]["memory/1/a"]["ns"], 2)
        self.assertEqual(taken["loud"], 1)

    def test_a_round_without_overlap_is_thrown_away(self):
        quiet = {"foreign": 0.0}
        FixedCase.samples = {"cycle/2/cas_private": [{"ns": 10, **quiet}, {"ns": 10, **quiet}],
                             "cycle/2/cas_shared": [{"ns": 29, **quiet}, {"ns": 31, **quiet}],
                             "cycle/2/a": [{"ns": 5, **quiet}]}
        taken = self.take(*(FixedCase(name, ()) for name in FixedCase.samples))
        self.assertEqual(taken["apart"], 1)
        self.assertEqual({name: sample["ns"] for name, sample in taken["cells"].items()},
                         {"cycle/2/cas_private": 10, "cycle/2/cas_shared": 31, "cycle/2/a": 5})

    def test_a_page_has_its_rows_and_charts_are_drawings(self):
        results = figures.Results([record(i, cycle__1__mutex_ring_cv=20 + i, cycle__1__multi_threaded_fifo=30,
                                          cycle__1__soci=50 + i) for i in range(5)])
        text = page.measured(results, "a machine")
        self.assertIn("| 1 | soci |", text)
        self.assertIn("5 were thrown away", text)
        for draw in (charts.cycles, charts.waiting):
            ElementTree.fromstring(draw(results))

    def take(self, *all_cases):
        group = cases.Group("g", list(all_cases))
        with tempfile.TemporaryFile("w") as progress:
            return rounds.Rounds(None, [group], progress=progress).take_group(group, 0)


if __name__ == "__main__":
    unittest.main()
