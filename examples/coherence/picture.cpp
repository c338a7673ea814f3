// SPDX-License-Identifier: BSL-1.0
#include "picture.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

namespace coherence {

namespace {

// Pixels. A strip has a column for each sample.
constexpr int column = 3;
constexpr int cell = 7;
constexpr int columns = 100;
constexpr int strip_width = columns * column;
constexpr int strip_height = 9 * cell;
constexpr int strips_left = 112;
constexpr int strips_gap = 28;
constexpr int strips_top = 184;
constexpr int strips_pitch = strip_height + 45;
constexpr int width = 760;
constexpr int height = strips_top + 4 * strips_pitch + 58;

constexpr std::string_view head =
    R"(  <title id="title">The order in which a pool uses its connections, with and without a shuffle</title>
  <desc id="text">Nine connections to the backends A, B and C. They are made in the order ABCABCABC, and in a FIFO queue
    without a shuffle they come to stand in three runs of one backend each, and stay so: three claims at once then
    all hit the same backend. A shuffle every five minutes breaks that up, until it forms again. In a random queue
    there is no such pattern; a LIFO queue uses the same three connections all the time. Of a hundred clients that
    were started together all use the same backend at once, until the first shuffle.</desc>
  <style>
    .paper { fill: #fff }
    .ink { fill: #333 }
    .faint { fill: #666 }
    .frame { fill: none; stroke: #999 }
    .a { fill: #2166ac } .b { fill: #f4a736 } .c { fill: #7fc8b4 }
    .la { stroke: #2166ac } .lb { stroke: #f4a736 } .lc { stroke: #7fc8b4 }
    .cells { fill: none; shape-rendering: crispEdges }
    .on_a { fill: #fff } .on_b, .on_c { fill: #222 }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #0d1117 }
      .ink { fill: #e6edf3 }
      .faint { fill: #9aa4af }
      .frame { stroke: #6e7681 }
      .a { fill: #4a8fd6 } .la { stroke: #4a8fd6 }
    }
  </style>
)";

class drawing {
 public:
  explicit drawing(const results& all) : all_(all) {}

  std::string draw() {
    out_ << R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 )" << width << ' ' << height
         << R"(" width=")" << width << R"(" height=")" << height
         << R"(" role="img" aria-labelledby="title text" font-family="sans-serif" font-size="13">)" << '\n'
         << "  <!-- drawn by examples/coherence -->\n"
         << head << R"(  <rect class="paper" width=")" << width << R"(" height=")" << height << "\"/>\n";
    letters();
    strips();
    out_ << "</svg>\n";
    return out_.str();
  }

 private:
  void text(int x, int y, std::string_view words, std::string_view how = R"(class="ink")") {
    out_ << "  <text x=\"" << x << "\" y=\"" << y << "\" " << how << '>' << words << "</text>\n";
  }

  /// The story of the fifo that is shuffled: as made, drifted, shuffled.
  void letters() {
    const auto& what = all_.pools[1].bursts;
    const auto drifted = before_the_shuffle(what);
    text(20, 28, "Nine connections over A, B and C in queue::fifo; the next to be claimed on the left",
         R"(class="ink" font-weight="bold")");
    row_of_letters(20, what.samples[0], "as they were connected");
    row_of_letters(276, what.samples[drifted], "after each backend paused once");
    row_of_letters(532, what.samples[drifted + 1], "right after a shuffle");
    text(250, 60, "→", R"(class="faint" font-size="18" text-anchor="middle")");
    text(506, 60, "→", R"(class="faint" font-size="18" text-anchor="middle")");
  }

  void row_of_letters(int x, const sample& what, std::string_view caption) {
    constexpr int pitch = 23;
    for (std::size_t i = 0; i < what.order.size(); ++i) {
      const auto letter = what.order[i];
      const auto name = static_cast<char>(letter - 'A' + 'a');
      const auto left = x + static_cast<int>(i) * pitch;
      out_ << "  <rect class=\"" << name << "\" x=\"" << left << R"(" y="44" width="21" height="21" rx="4"/>)"
           << "<text class=\"on_" << name << "\" x=\"" << left + 10
           << R"(.5" y="59" text-anchor="middle" font-weight="bold">)" << letter << "</text>\n";
    }
    text(x, 83, clock_time(what.at) + ", " + std::string{caption}, R"(class="faint" font-size="12")");
  }

  void strips() {
    text(20, 124, "The same queue over 25 minutes: a column is the order at one moment, its head on top",
         R"(class="ink" font-weight="bold")");
    text(strips_left, 150, "without a shuffle");
    text(strips_left + strip_width + strips_gap, 150, "shuffled every 5 minutes (▴)");
    text(20, 150, "A", R"(class="a" font-weight="bold")");
    text(36, 150, "B", R"(class="b" font-weight="bold")");
    text(52, 150, "C", R"(class="c" font-weight="bold")");
    int y = strips_top;
    for (std::size_t i = 0; i < all_.pools.size(); i += 2, y += strips_pitch) {
      text(20, y + 14, all_.pools[i].queue);
      pool_strip(strips_left, y, all_.pools[i]);
      pool_strip(strips_left + strip_width + strips_gap, y, all_.pools[i + 1]);
    }
    text(20, y + 2,
         "A hundred clients that were started together and claim in step: who uses which backend at an "
         "instant",
         R"(class="ink" font-weight="bold")");
    y += 24;
    text(20, y + 14, all_.fleets[0].queue);
    fleet_strip(strips_left, y, all_.fleets[0]);
    fleet_strip(strips_left + strip_width + strips_gap, y, all_.fleets[1]);
    minutes(strips_left, y + strip_height);
    minutes(strips_left + strip_width + strips_gap, y + strip_height);
  }

  void pool_strip(int x, int y, const pool_result& one) {
    const auto& samples = one.bursts.samples;
    for (int backend = 0; backend < static_cast<int>(backends); ++backend) {
      out_ << "  <path class=\"cells l" << static_cast<char>('a' + backend) << "\" stroke-width=\"" << cell
           << "\" d=\"";
      for (int place = 0; place < 9; ++place) {
        int drawn = 0;
        for (int i = 0; i < columns;) {
          int end = i;
          while (end < columns &&
                 samples[static_cast<std::size_t>(end)].order[static_cast<std::size_t>(place)] ==
                     'A' + backend)
            ++end;
          if (end > i) {
            if (drawn == 0)
              out_ << 'M' << x + i * column << ' ' << y + place * cell << ".5";
            else
              out_ << 'm' << (i - drawn) * column << " 0";
            out_ << 'h' << (end - i) * column;
            drawn = end;
          }
          i = std::max(end, i + 1);
        }
      }
      out_ << "\"/>\n";
    }
    frame(x, y);
    for (std::uint32_t backend = 0; backend < backends; ++backend)
      for (const auto& each : all_.offered.pauses(backend))
        if (each.begin.time_since_epoch() < shown)
          out_ << "  <circle class=\"" << static_cast<char>('a' + backend) << "\" cx=\""
               << x + at(each.begin.time_since_epoch()) << "\" cy=\"" << y - 7 << "\" r=\"3.5\"/>\n";
    if (one.shuffle != "never") shuffles(x, y);
    text(x, y + strip_height + 24,
         "three claims at once hit one backend: " + whole_percent(one.bursts.mean.three_on_one),
         R"(class="faint" font-size="12")");
  }

  void fleet_strip(int x, int y, const fleet_result& one) {
    for (std::uint32_t backend = 0; backend < backends; ++backend) {
      out_ << "  <path class=\"cells l" << static_cast<char>('a' + backend) << "\" stroke-width=\"" << column
           << "\" d=\"";
      for (int i = 0; i < columns - 1; ++i) {
        const auto& users = one.what.samples[static_cast<std::size_t>(i)];
        std::uint32_t above = 0;
        for (std::uint32_t k = 0; k < backend; ++k) above += users[k];
        if (users[backend] == 0) continue;
        const auto top = static_cast<int>(above * strip_height / clients);
        const auto bottom = static_cast<int>((above + users[backend]) * strip_height / clients);
        out_ << 'M' << x + i * column + 1 << ".5 " << y + top << 'v' << bottom - top;
      }
      out_ << "\"/>\n";
    }
    frame(x, y);
    if (one.shuffle != "never") shuffles(x, y);
  }

  void frame(int x, int y) {
    out_ << "  <rect class=\"frame\" x=\"" << x << "\" y=\"" << y << "\" width=\"" << strip_width
         << "\" height=\"" << strip_height << "\"/>\n";
  }

  void shuffles(int x, int y) {
    for (auto when = between_shuffles; when < shown; when += between_shuffles)
      out_ << "  <path class=\"ink\" d=\"M" << x + at(when) << ' ' << y + strip_height + 2
           << "l4 7h-8z\"/>\n";
  }

  void minutes(int x, int y) {
    for (int minute = 0; minute <= 25; minute += 5)
      text(x + at(std::chrono::minutes{minute}), y + 24,
           std::to_string(minute) + (minute == 25 ? " min" : ""),
           R"(class="faint" font-size="12" text-anchor="middle")");
  }

  static int at(cueball::duration when) { return static_cast<int>(when * strip_width / shown); }

  static std::string whole_percent(double share) {
    return std::to_string(static_cast<int>(share * 100 + 0.5)) + " % of the time";
  }

  const results& all_;
  std::ostringstream out_;
};

}  // namespace

std::string draw(const results& all) {
  return drawing{all}.draw();
}

}  // namespace coherence
