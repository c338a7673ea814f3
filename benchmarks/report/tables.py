# SPDX-License-Identifier: BSL-1.0
"""The table of all figures."""

# What a row is compared with, first by name of the benchmark. All of them are measured in the same round.
FLOORS = {
    "cycle": ("cas_private", "cas_shared", "mutex_ring_cv"),
    "waiting": ("two_that_never_wait", "strict_fifo"),
    "async": ("post",),
    "async_waiting": ("post",),
    "fill": ("posts",),
    "compile": ("asio_only",),
}

FLOOR_NAMES = {"cas_private", "cas_shared", "two_ends", "mutex_pair", "mutex_ring_cv", "post", "posts",
               "two_that_never_wait", "strict_fifo", "barging", "asio_only"}

TITLES = {
    "cycle": "claim + release; threads on 16 connections",
    "waiting": "claims that wait; threads on 2 connections, each held for so long",
    "async": "async_claim, immediate; threads",
    "async_waiting": "async_claim, waiting; threads",
    "fill": "fill; backends x connections, a connection",
    "lost": "one backend lost, a connection that moves",
    "added": "one backend added, a connection that moves",
    "outage": "a tenth of the backends lost, a connection that moves",
    "slices": "the mutex is held at a stretch, 99.9th percentile; backends x connections",
    "memory": "memory of an idle connection beyond itself; connections",
    "compile": "compiling a program with one pool",
}

UNITS = {"memory": "bytes"}


def number(value):
    """Three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def time(nanoseconds):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{number(nanoseconds / size)} {unit}"
    return f"{number(nanoseconds)} ns"


def interval(figure, show=number):
    return f"{show(figure.low)} to {show(figure.high)}"


def with_interval(figure, show=number):
    return f"{show(figure.middle)} ({interval(figure, show)})"


def in_order(names):
    """By benchmark, then setting, floors first."""
    order = list(TITLES)

    def key(name):
        what, setting, who = name.split("/")
        place = order.index(what) if what in order else len(order)
        return (place, what, setting_key(setting), who not in FLOOR_NAMES, not is_cueball(who), who)

    return sorted(names, key=key)


def setting_key(setting):
    """Numbers by value: 2 before 10, and busy after asleep."""
    head, _, kind = setting.partition("_")
    digits = "".join(c if c.isdigit() else " " for c in head).split()
    return (kind, [int(d) for d in digits], setting)


def is_cueball(who):
    return who.startswith(("single_threaded", "multi_threaded", "lock_free"))


def table(results):
    lines = [
        "| benchmark | setting | subject | median | its 90 % interval | in ratio to the floor of the round | more | samples |",
        "| --- | --- | --- | ---: | --- | --- | --- | ---: |",
    ]
    for name in in_order(results.names()):
        what, setting, who = name.split("/")
        show = number if what in UNITS else time
        figure = results.figure(name)
        unit = " " + UNITS[what] if what in UNITS else ""
        lines.append("| " + " | ".join([
            TITLES.get(what, what), setting.replace("_", " "), who, show(figure.middle) + unit,
            interval(figure, show), ratios(results, name), more(results, name), str(figure.count)]) + " |")
    return "\n".join(lines)


def ratios(results, name):
    what, setting, who = name.split("/")
    found = []
    for floor in FLOORS.get(what, ()):
        if floor == who or (what, setting, floor) == ("cycle", "1", "cas_shared"):
            continue
        # A throughput is the better the more; all else the less.
        other = f"{what}/{setting}/{floor}"
        if not results.has(other):
            continue
        ratio = results.ratio(other, name) if what == "waiting" else results.ratio(name, other)
        if ratio:
            shown = (lambda value: f"{100 * value:.0f} %") if floor == "two_that_never_wait" else number
            sign = " of " if floor == "two_that_never_wait" else " × "
            found.append(f"{shown(ratio.middle)}{sign}{floor} ({interval(ratio, shown)})")
    return "<br>".join(found)


def more(results, name):
    """What else a sample tells."""
    said = []
    if results.values(name, "p50"):
        waits = (time(1000 * results.figure(name, key).middle) for key in ("p50", "p99", "p999"))
        said.append("waits p50/p99/p99.9: " + " / ".join(waits))
    if results.values(name, "unfairness"):
        said.append("max/min share " + with_interval(results.figure(name, "unfairness")))
    for key, words in (("churn", "opened: {} × the least possible"), ("allocations", "{} allocations until it is up"),
                       ("claim_allocations", "{} by a claim"), ("async_claim_allocations", "{} by an async_claim"),
                       ("longest", "the longest: {} µs")):
        if results.values(name, key):
            said.append(words.format(number(results.figure(name, key).middle)))
    return "; ".join(said)
