# SPDX-License-Identifier: BSL-1.0
"""What is demanded of the pool, and whether that is so."""

from .tables import interval, number

NATIVE_PEERS = ("soci", "poco", "apr")
QUEUE = "fifo"  # the default; the others are in the table of all figures


def percent(value):
    return f"{100 * value:.1f} %"


class Demand:
    """A figure, its demand and its aim. `at_most`: less is better."""

    def __init__(self, words, figure, demand, aim, at_most=True, show=number):
        self.words, self.figure, self.demand, self.aim = words, figure, demand, aim
        self.at_most, self.show = at_most, show

    def row(self):
        bounds = [f"{'≤' if self.at_most else '≥'} {self.show(bound) if bound is not None else '-'}"
                  for bound in (self.demand, self.aim)]
        if self.figure is None:
            return [self.words, "not measured", "", bounds[0], "", bounds[1] if self.aim is not None else "", ""]
        return [self.words, self.show(self.figure.middle), interval(self.figure, self.show), bounds[0],
                self.verdict(self.demand), bounds[1] if self.aim is not None else "",
                self.verdict(self.aim) if self.aim is not None else ""]

    def verdict(self, bound):
        """Met, if the lower end of the interval is within the bound: the hard way, where more is better."""
        met = self.figure.low <= bound if self.at_most else self.figure.low >= bound
        return "met" if met else "**not met**"


def demands(results):
    rows = list(all_demands(results))
    lines = ["| what | measured | 90 % interval | demand | | aim | |", "| --- | ---: | --- | ---: | --- | ---: | --- |"]
    lines += ["| " + " | ".join(row.row()) + " |" for row in rows]
    return "\n".join(lines)


def all_demands(results):
    def ratio(what, setting, who, floor):
        name, other = f"{what}/{setting}/{who}", f"{what}/{setting}/{floor}"
        return results.ratio(name, other) if results.has(name) and results.has(other) else None

    single, multi, free = (f"{model}_{QUEUE}" for model in ("single_threaded", "multi_threaded", "lock_free"))
    yield Demand("`single_threaded`, to the private CAS pair", ratio("cycle", "1", single, "cas_private"), 1.5, 1.05)
    for threads, demand, aim in (("1", 1.25, 1.1), ("2", 1.25, 1.0), ("8", 1.25, 1.0)):
        yield Demand(f"`multi_threaded`, {in_words(threads)}, to mutex + ring + condition variable",
                     ratio("cycle", threads, multi, "mutex_ring_cv"), demand, aim)
    yield Demand("`lock_free`, 1 thread, to the private CAS pair", ratio("cycle", "1", free, "cas_private"), 2.5, 1.6)
    yield Demand("`lock_free`, 2 threads, to the shared CAS pair", ratio("cycle", "2", free, "cas_shared"), 1.5, 0.8)
    yield Demand("`lock_free`, 8 threads, to the shared CAS pair", ratio("cycle", "8", free, "cas_shared"), 2.5, 0.8)
    for threads, demand, aim in (("1", 2, 3), ("2", 4, 8), ("8", 4, 8)):
        for who, called in ((free, "`lock_free`"), ("lock_free_sticky", "`lock_free` with `queue::sticky`")):
            times, peer = fastest_peer(results, threads, who)
            yield Demand(f"{called}, {in_words(threads)}: so many times faster than the fastest native peer"
                         + (f" ({peer})" if peer else ""), times, demand, aim, at_most=False)
    # What bounds it: see the text of docs/performance.md.
    for threads, demand in (("2", 1.5), ("8", 2.5)):
        yield Demand(f"`lock_free`, {in_words(threads)}, to a queue of two ends that looks at nothing",
                     ratio("cycle", threads, free, "two_ends"), demand, None)
        yield Demand(f"`lock_free` with `queue::random`, {in_words(threads)}, to the shared CAS pair",
                     ratio("cycle", threads, "lock_free_random", "cas_shared"), demand, None)
        yield Demand(f"`lock_free` with `queue::sticky`, {in_words(threads)}, to the shared CAS pair",
                     ratio("cycle", threads, "lock_free_sticky", "cas_shared"), demand, 0.8)
    for model in (multi, free):
        yield from waiting(results, model)
    for model in (single, multi, free):
        for threads in ("1", "2"):
            if threads == "1" or model != single:
                yield Demand(f"`{short(model)}`, `async_claim`, immediate, {in_words(threads)}, to one post",
                             ratio("async", threads, model, "post"), 1.35, 1.1)
                yield Demand("the same, to one post beside a timer",
                             ratio("async", threads, model, "post_beside_timer"), 1.35, 1.1)

    for model, bytes_at_most in ((single, 64), (multi, 64), (free, 192)):
        name = f"memory/10000/{model}"
        yield Demand(f"`{short(model)}`: bytes that an idle connection takes beyond itself",
                     results.figure(name) if results.has(name) else None, bytes_at_most, None)
    for model in (multi, free):
        name = f"slices/10000x10/{model}"
        yield Demand(f"`{short(model)}`, 10,000 backends: µs under the mutex at a stretch, 99.9th percentile",
                     results.figure(name).times(0.001) if results.has(name) else None, 20, None)


def fastest_peer(results, threads, who):
    """How many times as long it takes, and its name."""
    name = f"cycle/{threads}/{who}"
    peers = [(results.ratio(f"cycle/{threads}/{peer}", name), peer) for peer in NATIVE_PEERS
             if results.has(name) and results.has(f"cycle/{threads}/{peer}")]
    return min(peers, key=lambda each: each[0].middle, default=(None, None))


def waiting(results, model):
    def throughput(setting, floor):
        name, other = f"waiting/{setting}/{model}", f"waiting/{setting}/{floor}"
        return results.ratio(other, name) if results.has(name) and results.has(other) else None

    for held, demand, aim in (("100", 0.85, 0.92), ("1000", 0.93, 0.97)):
        setting = f"8x{held}us_asleep"
        yield Demand(f"`{short(model)}`, 8 threads wait, held asleep {held} µs: of two that never wait",
                     throughput(setting, "two_that_never_wait"), demand, aim, at_most=False, show=percent)
        name = f"waiting/{setting}/{model}"
        yield Demand("the same: max/min share of a thread",
                     results.figure(name, "unfairness") if results.has(name) else None, 1.2, None)
    for held in ("100", "1000"):
        setting = f"8x{held}us_busy"
        yield Demand(f"`{short(model)}`, 8 threads wait, held busy {held} µs: throughput to the strict-FIFO floor",
                     throughput(setting, "strict_fifo"), 0.95, 1.1, at_most=False)


def in_words(threads):
    return f"{threads} thread" + ("s" if threads != "1" else "")


def short(model):
    return model.removesuffix("_" + QUEUE)


