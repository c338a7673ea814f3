# SPDX-License-Identifier: BSL-1.0
"""Charts of dots with their intervals, as SVG that can be read on white and on black."""

import math
from dataclasses import dataclass, field
from html import escape

from .tables import FLOOR_NAMES, is_cueball, number

HEAD = """  <title id="title">{title}</title>
  <desc id="text">{text}</desc>
  <style>
    .paper {{ fill: #fff }}
    .ink {{ fill: #333 }}
    .faint {{ fill: #666 }}
    .grid {{ stroke: #ddd }} .one {{ stroke: #999 }}
    .a {{ fill: #2166ac }} .b {{ fill: #c26a00 }} .c {{ fill: #777 }}
    .la {{ stroke: #2166ac }} .lb {{ stroke: #c26a00 }} .lc {{ stroke: #777 }}
    .bar {{ stroke-width: 3; stroke-opacity: 0.45 }}
    @media (prefers-color-scheme: dark) {{
      .paper {{ fill: #0d1117 }}
      .ink {{ fill: #e6edf3 }}
      .faint {{ fill: #9aa4af }}
      .grid {{ stroke: #2d333b }} .one {{ stroke: #6e7681 }}
      .a {{ fill: #58a6ff }} .la {{ stroke: #58a6ff }}
      .b {{ fill: #f4a736 }} .lb {{ stroke: #f4a736 }}
      .c {{ fill: #9aa4af }} .lc {{ stroke: #9aa4af }}
    }}
  </style>"""

WIDTH, LEFT, RIGHT, GAP, ROW = 760, 186, 14, 22, 19


@dataclass
class Panel:
    title: str
    figures: dict  # by subject
    notes: dict = field(default_factory=dict)  # what else is said at the end of a row


@dataclass
class Scale:
    low: float
    high: float
    marks: tuple
    is_log: bool = False
    show: object = number

    def place(self, value):
        """0 to 1; what lies outside is drawn at the edge."""
        if self.is_log:
            share = math.log(max(value, 1e-9) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share))


def kind(who):
    if who in FLOOR_NAMES:
        return "c"
    return "a" if is_cueball(who) else "b"


def chart(title, text, panels, rows, scale, columns, note=""):
    """Rows of subjects, the same in each panel; so many panels side by side."""
    out = []
    panel_width = (WIDTH - LEFT - RIGHT - GAP * (columns - 1)) / columns
    lines = (len(panels) + columns - 1) // columns
    line_height = len(rows) * ROW + 62
    height = 46 + lines * line_height + 26

    def words(x, y, said, style="ink", anchor="start", size=13, more=""):
        out.append(f'  <text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}" font-size="{size}"{more}>'
                   f"{escape(said)}</text>")

    words(20, 26, title, more=' font-weight="bold"')
    for index, panel in enumerate(panels):
        left = LEFT + (index % columns) * (panel_width + GAP)
        top = 62 + (index // columns) * line_height
        bottom = top + len(rows) * ROW + 4
        words(left, top - 8, panel.title)
        for mark in scale.marks:
            x = left + scale.place(mark) * panel_width
            out.append(f'  <path class="{"one" if mark == 1 else "grid"}" fill="none" d="M{x:.1f} {top}V{bottom}"/>')
            words(x, bottom + 14, scale.show(mark), "faint", "middle", 11)
        for place, who in enumerate(rows):
            y = top + place * ROW + ROW / 2 + 2
            if index % columns == 0:
                words(LEFT - 12, y + 4, who.replace("_", " "), "ink", "end", 12)
            if who in panel.figures:
                draw(out, words, panel, who, scale, left, panel_width, y)
    legend(out, words, height - 14, note)
    head = HEAD.format(title=escape(title), text=escape(text))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'role="img" aria-labelledby="title text" font-family="sans-serif" font-size="13">\n'
            f"  <!-- drawn by scripts/bench -->\n{head}\n"
            f'  <rect class="paper" width="{WIDTH}" height="{height}"/>\n' + "\n".join(out) + "\n</svg>\n")


def draw(out, words, panel, who, scale, left, width, y):
    figure = panel.figures[who]
    low, middle, high = (left + scale.place(value) * width for value in (figure.low, figure.middle, figure.high))
    out.append(f'  <path class="l{kind(who)} bar" fill="none" d="M{low:.1f} {y:.1f}H{max(high, low + 1):.1f}"/>')
    out.append(f'  <circle class="{kind(who)}" cx="{middle:.1f}" cy="{y:.1f}" r="4"/>')
    said = scale.show(figure.middle) + panel.notes.get(who, "")
    if max(high, middle) - left < width * 0.6:
        words(max(high, middle) + 8, y + 4, said, "faint", "start", 11)
    else:
        words(min(low, middle) - 8, y + 4, said, "faint", "end", 11)


def legend(out, words, y, note):
    x = 20
    for style, said in (("a", "cueball"), ("c", "floors, which are no pools"), ("b", "other pools")):
        out.append(f'  <circle class="{style}" cx="{x + 4}" cy="{y - 4}" r="4"/>')
        words(x + 13, y, said, "faint", size=11.5)
        x += 30 + 6.2 * len(said)
    words(x, y, "bars: 90 % interval" + note, "faint", size=11.5)


def subjects(results, what, settings):
    """Those of a benchmark, floors first, then cueball, then others."""
    found = {name.split("/")[2] for name in results.names()
             if name.split("/")[0] == what and name.split("/")[1] in settings}
    order = {"c": 0, "a": 1, "b": 2}
    return sorted(found, key=lambda who: (order[kind(who)], typical(results, what, settings, who)))


def typical(results, what, settings, who):
    for setting in settings:
        if results.has(f"{what}/{setting}/{who}"):
            return results.figure(f"{what}/{setting}/{who}").middle
    return 0


def ratios(results, what, setting, rows, floor, inverse=False):
    found = {}
    other = f"{what}/{setting}/{floor}"
    for who in rows:
        name = f"{what}/{setting}/{who}"
        if results.has(name) and results.has(other):
            ratio = results.ratio(other, name) if inverse else results.ratio(name, other)
            if ratio:
                found[who] = ratio
    return found


def cycles(results):
    settings = ("1", "2", "8")
    rows = subjects(results, "cycle", settings)
    panels = [Panel(f"{threads} thread{'s' * (threads != '1')}",
                    ratios(results, "cycle", threads, rows, "mutex_ring_cv")) for threads in settings]
    return chart("Claim and release: time, as a multiple of a mutex, a ring and a condition variable",
                 "For one, two and eight threads on sixteen connections: the time of a claim with its release, in ratio "
                 "to the smallest pool that blocks, of floors, of every threading model and queue of cueball, and of "
                 "other pools. The figures are in the table.",
                 panels, rows, Scale(0.02, 2000, (0.1, 1, 10, 100, 1000), True, plain), 3)


def waiting(results):
    settings = [(f"8x{held}us_{kind_of}", f"{held} µs {kind_of}") for kind_of in ("asleep", "busy")
                for held in (10, 100, 1000)]
    rows = [who for who in subjects(results, "waiting", [name for name, _ in settings])
            if who != "two_that_never_wait"]
    panels = []
    for setting, title in settings:
        found = ratios(results, "waiting", setting, rows, "two_that_never_wait", inverse=True)
        shares = {who: f"  ({number(results.figure(f'waiting/{setting}/{who}', 'unfairness').middle)})"
                  for who in found}
        panels.append(Panel(title, found, shares))
    return chart("Eight threads wait for two connections: throughput, as a share of two threads that never wait",
                 "Connections are held for 10, 100 and 1000 microseconds, asleep and busy. In brackets the share of the "
                 "luckiest thread divided by that of the unluckiest. The figures are in the table.",
                 panels, rows, Scale(0, 1.25, (0, 0.5, 1), False, lambda share: f"{100 * share:.0f} %"), 3,
                 note="; in brackets: largest share of a thread / smallest")


def plain(value):
    """A mark without needless digits."""
    return f"{value:g}" if value in (0.1, 1, 10, 100, 1000) else number(value)
