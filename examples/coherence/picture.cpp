// SPDX-License-Identifier: BSL-1.0
#include "picture.hpp"

#include <chrono>
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
constexpr int strips_left = 124;
constexpr int strips_gap = 20;
constexpr int strips_top = 184;
constexpr int strips_pitch = strip_height + 45;
constexpr int width = 760;
constexpr int height = strips_top + 4 * strips_pitch + 54;

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
      .a { fill: #3a80cf } .la { stroke: #3a80cf }
    }
  </style>
)";

constexpr std::string_view bold = R"(class="ink" font-weight="bold")";
constexpr std::string_view small = R"(class="faint" font-size="11.5")";
constexpr std::string_view small_in_middle = R"(class="faint" font-size="11.5" text-anchor="middle")";
constexpr std::string_view small_at_end = R"(class="faint" font-size="11.5" text-anchor="end")";
constexpr std::string_view arrow = R"(class="faint" font-size="18" text-anchor="middle")";

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
    const auto& what = all_.pools[1].what;
    const auto drifted = before_the_shuffle(what);
    text(20, 28, "Nine connections over A, B and C in queue::fifo; the next to be claimed on the left", bold);
    row_of_letters(20, what.samples[0], "as they were connected");
    row_of_letters(276, what.samples[drifted], "each backend has paused");
    row_of_letters(532, what.samples[drifted + 1], "right after a shuffle");
    text(250, 60, "→", arrow);
    text(506, 60, "→", arrow);
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
    text(x, 83, clock_time(what.at) + ", " + std::string{caption}, small);
  }

  void strips() {
    constexpr int right = strips_left + strip_width + strips_gap;
    text(20, 124, "The idle queue over 25 minutes: a column is its order at one moment, the head on top",
         bold);
    for (std::uint32_t backend = 0; backend < backends; ++backend) {
      const auto x = 25 + static_cast<int>(backend) * 34;
      dot(x, 148, backend);
      text(x + 7, 152, std::string(1, static_cast<char>('A' + backend)), small);
    }
    text(strips_left, 152, "without a shuffle");
    text(right, 152, "shuffled every 5 minutes (▴)");
    int y = strips_top;
    for (std::size_t i = 0; i < all_.pools.size(); i += 2, y += strips_pitch) {
      out_ << "  <path class=\"frame\" d=\"M" << strips_left - 4 << ' ' << y << "h-4v" << 3 * cell
           << "h4\"/>\n";
      text(strips_left - 12, y + 15, "next three", small_at_end);
      text(20, y + 45, all_.pools[i].queue);
      pool_strip(strips_left, y, all_.pools[i]);
      pool_strip(right, y, all_.pools[i + 1]);
    }
    text(20, y - 2, "● a backend pauses for a second. Blank: connections that are held up meanwhile.", small);
    y += 38;
    text(20, y - 10, "A hundred clients that claim in step: who uses which backend at an instant", bold);
    text(20, y + 36, all_.fleets[0].queue);
    fleet_strip(strips_left, y, all_.fleets[0]);
    fleet_strip(right, y, all_.fleets[1]);
    const auto& shuffled = all_.fleets[1].what;
    text(strips_left, y + strip_height + 44, "on the busiest: " + percent(all_.fleets[0].what.busiest_later),
         small);
    text(
        right, y + strip_height + 44,
        "on the busiest: " + percent(shuffled.busiest_at_first) + ", then " + percent(shuffled.busiest_later),
        small);
    minutes(strips_left, y + strip_height);
    minutes(right, y + strip_height);
  }

  void pool_strip(int x, int y, const pool_result& one) {
    for (std::uint32_t backend = 0; backend < backends; ++backend) {
      begin_cells(backend, cell);
      for (int place = 0; place < 9; ++place)
        row_of_cells(x, y + place * cell + cell / 2, one, backend, static_cast<std::size_t>(place));
      out_ << "\"/>\n";
    }
    frame(x, y, one.shuffle);
    for (std::uint32_t backend = 0; backend < backends; ++backend)
      for (const auto& each : all_.offered.pauses(backend))
        if (const auto when = each.begin.time_since_epoch(); when < shown) dot(x + at(when), y - 7, backend);
    text(x, y + strip_height + 22,
         "bursts of three on one backend, in six hours: " + percent(one.what.mean.three_on_one), small);
  }

  /// A dash for each run of columns that have the backend in this place.
  void row_of_cells(int x, int y, const pool_result& one, std::uint32_t backend, std::size_t place) {
    const auto letter = static_cast<char>('A' + backend);
    const auto is_here = [&](int i) {
      const auto& order = one.what.samples[static_cast<std::size_t>(i)].order;
      return order.size() > place && order[place] == letter;
    };
    int drawn = 0;
    for (int begin = 0, end = 0; begin < columns; begin = end) {
      for (end = begin; end < columns && is_here(end);) ++end;
      if (end == begin) {
        ++end;
        continue;
      }
      if (drawn == 0)
        out_ << 'M' << x + begin * column << ' ' << y << ".5";
      else
        out_ << 'm' << (begin - drawn) * column << " 0";
      out_ << 'h' << (end - begin) * column;
      drawn = end;
    }
  }

  void fleet_strip(int x, int y, const fleet_result& one) {
    for (std::uint32_t backend = 0; backend < backends; ++backend) {
      begin_cells(backend, column);
      for (int i = 0; i < columns; ++i) {
        const auto& count = one.what.samples[static_cast<std::size_t>(i)];
        std::uint32_t above = 0;
        for (std::uint32_t k = 0; k < backend; ++k) above += count[k];
        const auto top = static_cast<int>(above * strip_height / clients);
        const auto bottom = static_cast<int>((above + count[backend]) * strip_height / clients);
        if (bottom > top) out_ << 'M' << x + i * column + 1 << ".5 " << y + top << 'v' << bottom - top;
      }
      out_ << "\"/>\n";
    }
    frame(x, y, one.shuffle);
  }

  void begin_cells(std::uint32_t backend, int thickness) {
    out_ << "  <path class=\"cells l" << static_cast<char>('a' + backend) << "\" stroke-width=\"" << thickness
         << "\" d=\"";
  }

  void frame(int x, int y, std::string_view shuffle) {
    out_ << "  <rect class=\"frame\" x=\"" << x << "\" y=\"" << y << "\" width=\"" << strip_width
         << "\" height=\"" << strip_height << "\"/>\n";
    if (shuffle == "never") return;
    for (auto when = between_shuffles; when < shown; when += between_shuffles)
      out_ << "  <path class=\"ink\" d=\"M" << x + at(when) << ' ' << y + strip_height + 2
           << "l4 7h-8z\"/>\n";
  }

  void dot(int x, int y, std::uint32_t backend) {
    out_ << "  <circle class=\"" << static_cast<char>('a' + backend) << "\" cx=\"" << x << "\" cy=\"" << y
         << "\" r=\"3.5\"/>\n";
  }

  void minutes(int x, int y) {
    for (int minute = 0; minute < 25; minute += 5)
      text(x + at(std::chrono::minutes{minute}), y + 24, std::to_string(minute), small_in_middle);
    text(x + strip_width, y + 24, "25 min", small_at_end);
  }

  static int at(cueball::duration when) { return static_cast<int>(when * strip_width / shown); }

  static std::string percent(double share) {
    return std::to_string(static_cast<int>(share * 100 + 0.5)) + " %";
  }

  const results& all_;
  std::ostringstream out_;
};

}  // namespace

std::string draw(const results& all) {
  return drawing{all}.draw();
}

}  // namespace coherence
