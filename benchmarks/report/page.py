# SPDX-License-Identifier: BSL-1.0
"""What was measured, as a part of docs/performance.md."""

from .demands import demands
from .rounds import OVERLAP, QUIET
from .tables import table

BEGIN = "<!-- measured by scripts/bench: begin -->"
END = "<!-- measured by scripts/bench: end -->"


def measured(results, circumstances):
    return "\n\n".join([
        f"{results.rounds} rounds on {circumstances}. {results.taken} samples count. {results.loud} were thrown away "
        f"because others used more than {100 * QUIET:.0f} % of the machine, and {results.apart} rounds of many threads "
        f"because the shared CAS pair took less than {OVERLAP:.0f} times the time of the private one.",
        "## All figures",
        table(results),
        "## Demands and aims",
        demands(results),
    ])


def write(docs, text, results):
    page = docs / "performance.md"
    old = page.read_text(encoding="utf-8")
    before, rest = old.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
