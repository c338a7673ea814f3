# SPDX-License-Identifier: BSL-1.0
"""What was measured, as a part of docs/performance.md."""

from . import charts
from .demands import demands
from .rounds import OVERLAP, QUIET
from .tables import table

BEGIN = "<!-- measured by scripts/bench: begin -->"
END = "<!-- measured by scripts/bench: end -->"


def measured(results, circumstances):
    return "\n\n".join([
        f"{results.rounds} rounds on {circumstances}. {results.taken} samples count. {thrown_away(results)}",
        "### Demands and aims",
        demands(results),
        "### All figures",
        table(results),
        "`scripts/instructions` says what there is of instructions; the record is in benchmarks/instructions.",
    ])


def thrown_away(results):
    if not all(record["filtered"] for record in results.records):
        return "**Samples were not thrown away when others disturbed them: these figures say nothing.**"
    return (f"{results.loud} were thrown away because others used more than {100 * QUIET:.0f} % of the machine, and "
            f"{results.apart} rounds of many threads because the shared CAS pair took less than {OVERLAP:.0f} times "
            f"the time of the private one.")


def write(docs, text, results):
    page = docs / "performance.md"
    old = page.read_text(encoding="utf-8")
    before, rest = old.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    draw(docs, results)


def draw(directory, results):
    for name, picture in (("cycles", charts.cycles), ("waiting", charts.waiting)):
        (directory / f"performance_{name}.svg").write_text(picture(results), encoding="utf-8")
