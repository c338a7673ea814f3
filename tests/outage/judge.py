# SPDX-License-Identifier: BSL-1.0
"""What a scene has shown, against what the pool's options allow. Seconds within, milliseconds in what is told."""

import math
from dataclasses import dataclass

from .stage import CONNECT

NEVER = 1e9      # in JSON there is no infinity
SLACK = 0.150    # what a busy machine may add to any time: the wake of a thread, a turn of an executor


@dataclass
class Check:
    what: str
    found: float
    bound: float
    unit: str = ""

    @property
    def held(self):
        return self.found <= self.bound


def ms(seconds):
    return round(1000 * seconds, 1)


class Verdict:
    def __init__(self, stage):
        self.stage = stage
        load = stage.load
        self.options = {key: value / 1000 if key in ("deadline", "request_limit", "max_delay", "max_timeout",
                                                     "rebalance_delay", "watch_delay", "timeout", "delay",
                                                     "check_timeout") else value
                        for key, value in load.options.items()}
        self.begun = min(outage.begun for outage in stage.outages)
        self.healed = max(outage.healed for outage in stage.outages)
        self.claims = [claim for claim in load.claims if claim["t"] >= self.begun]
        self.events = [event for event in load.events if event["t"] >= self.begun]
        self.pools = [pool for pool in load.pools if pool["t"] >= self.begun]
        self.failed_claims = [claim for claim in self.claims if claim["claim"] != "good"]
        self.failed_requests = [claim for claim in self.claims if claim["request"] not in ("good", "none")]
        self.longest_wait = max(claim["claimed"] - claim["begun"] for claim in self.claims)
        self.opened = self.count("connected")
        self.in_vain = self.count("connect_failed")
        self.back = max(self.first_good(outage) for outage in stage.outages)
        self.whole = self.whole_after()
        self.checks = list(self.all_checks())

    @property
    def held(self):
        return all(check.held for check in self.checks)

    def count(self, what):
        return sum(event["what"] == what for event in self.events)

    def first_good(self, outage):
        """Until the first claim that was made or waited after the return got that server, and was answered."""
        times = [claim["claimed"] for claim in self.claims
                 if claim["port"] == outage.port and claim["request"] == "good" and claim["claimed"] >= outage.healed]
        return min(times, default=NEVER) - outage.healed

    def whole_after(self):
        """From the last return until the pool was whole, and stayed so until the scene's end."""
        end = self.stage.settled
        last = max((pool["t"] for pool in self.pools if pool["t"] <= end and not self.stage.is_whole(pool)),
                   default=self.healed)
        return max(0.0, last - self.healed)

    # Bounds.

    def bound_of_return(self):
        """R10: one delay of the longest kind, after what was in flight at the return has been given up."""
        options = self.options
        in_flight = (options["max_timeout"] if self.stage.terms.connects_hang else 0) + options["check_timeout"]
        return in_flight + options["max_delay"] * (1 + options["spread"]) + 2 * CONNECT + SLACK

    def bound_of_whole(self):
        """Then a rebalance, and as many connects in a row as are missing; requests in flight fail first."""
        connects = self.stage.rounds(self.stage.missing()) * CONNECT
        return max(self.bound_of_return(), self.options["request_limit"] + SLACK) + \
            self.options["rebalance_delay"] + connects

    def bound_in_vain(self):
        """As many together in each attempt as may be in flight."""
        return sum(self.stage.attempts(outage) for outage in self.stage.outages) * self.options["per_backend"]

    def all_checks(self):
        stage, terms, options = self.stage, self.stage.terms, self.options
        yield Check("the longest wait of a claim (R9)", ms(self.longest_wait), ms(options["deadline"] + SLACK), "ms")
        yield Check("the first good claim of who returned (R10)", ms(self.back), ms(self.bound_of_return()), "ms")
        yield Check("whole again (R10)", ms(self.whole), ms(self.bound_of_whole()), "ms")
        if terms.others:
            yield Check("claims that failed, where none had to", len(self.failed_claims), 0)
            yield Check("the longest time without a good answer", ms(self.longest_silence()),
                        ms(options["request_limit"] + SLACK), "ms")
        else:
            late = self.healed + self.bound_of_return()
            yield Check("claims that failed after the return", sum(claim["t"] > late for claim in self.failed_claims),
                        0)
        if terms.requests_lost is not None:
            yield Check("requests that failed", len(self.failed_requests), terms.requests_lost)
        yield Check("requests that failed after the return",
                    sum(claim["claimed"] > self.healed + options["request_limit"] + SLACK
                        for claim in self.failed_requests), 0)
        yield Check("connections opened, against the least possible (R2)", self.opened, terms.least + terms.spare)
        if terms.refuses:
            yield Check("connects in vain (R13)", self.in_vain, self.bound_in_vain())
        if any(event["what"] == "state" and event["state"] == "failed" for event in self.events):
            yield Check("the longest wait while all were dead (R13)", ms(self.longest_wait_while_failed()), ms(SLACK),
                        "ms")
        rows = [row for pool in self.pools for row in pool["backends"]]
        yield Check("connects in flight to one server (R13)", max(row["connecting"] for row in rows),
                    options["per_backend"])
        yield Check("connects in flight in all (R13)", max(pool["connecting"] for pool in self.pools),
                    options["per_pool"])
        yield Check("snapshots that do not add up (R14)", sum(
            pool["opened"] != pool["closed"] + pool["total"] or
            pool["total"] != sum(row["total"] for row in pool["backends"]) for pool in self.pools), 0)
        yield Check("answers to another's question", sum(claim["request"] == "wrong" for claim in self.claims), 0)
        yield Check("connections left after the stop (R15)", stage.load.left, 0)

    def longest_silence(self):
        times = [self.begun, *sorted(claim["t"] for claim in self.claims if claim["request"] == "good")]
        return max((later - earlier for earlier, later in zip(times, times[1:])), default=NEVER)

    def longest_wait_while_failed(self):
        """How much of a wait passed while the pool said that it had failed."""
        longest, since = 0, None
        for event in [event for event in self.events if event["what"] == "state"] + [{"t": math.inf, "state": ""}]:
            if since is not None:
                longest = max([longest, *(min(claim["claimed"], event["t"]) - max(claim["begun"], since)
                                          for claim in self.claims)])
            since = event["t"] if event["state"] == "failed" else None
        return longest

    def told(self):
        """For --json."""
        return {
            "back_ms": ms(self.back), "back_bound_ms": ms(self.bound_of_return()),
            "whole_ms": ms(self.whole), "whole_bound_ms": ms(self.bound_of_whole()),
            "claims": len(self.claims), "claims_failed": len(self.failed_claims),
            "requests_failed": len(self.failed_requests), "longest_wait_ms": ms(self.longest_wait),
            "deadline_ms": ms(self.options["deadline"]), "opened": self.opened, "least": self.stage.terms.least,
            "in_vain": self.in_vain, "deaths": self.count("dead"), "checks_idle": self.options["check_timeout"] > 0,
            "verdict": "pass" if self.held else "fail",
            "checks": [{"what": check.what, "found": check.found, "bound": check.bound, "unit": check.unit,
                        "held": check.held} for check in self.checks],
        }
