// SPDX-License-Identifier: BSL-1.0
#include "view.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace demo {

namespace {

using std::chrono::duration;

std::string decimal(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string milliseconds(histogram::time length) {
  return decimal(duration<double, std::milli>{length}.count(), 2);
}

std::string stamp(duration<double> time) {
  const auto text = decimal(time.count(), 1);
  return std::string(text.size() < 5 ? 5 - text.size() : 0, ' ') + text + " s  ";
}

double per_second(std::uint64_t number, duration<double> length) {
  return length.count() > 0 ? static_cast<double>(number) / length.count() : 0.0;
}

std::string waits(const histogram& waits) {
  return "p50 " + milliseconds(waits.quantile(0.5)) + "  p99 " + milliseconds(waits.quantile(0.99)) +
         "  max " + milliseconds(waits.longest()) + " ms";
}

std::uint32_t up(const cueball::backend_stats& row) {
  return row.slots.idle + row.slots.claimed + row.slots.checking;
}

std::string state(const cueball::backend_stats& row) {
  if (row.dead) return "dead";
  if (!row.live) return "leaving";
  if (up(row) == row.planned) return "ok";
  if (up(row) > row.planned) return "over plan";
  return up(row) == 0 && row.last_error ? "unreachable" : "filling";
}

/// A line every second.
class plain_view final : public view {
 public:
  void tell(const std::string& event) override { std::cout << stamp(time_) << "** " << event << std::endl; }

  void show(const frame& now) override {
    time_ = now.time;
    if (now.time < due_) return;
    due_ = now.time + std::chrono::seconds{1};
    std::cout << stamp(now.time) << "connections";
    for (const auto& row : now.stats.backends) std::cout << ' ' << row.where.name << ' ' << up(row);
    std::cout << "  claims/s " << decimal(per_second(now.last.waits.count(), now.last_length), 0) << "  wait "
              << waits(now.last.waits) << "  failed " << now.all.failed() << std::endl;
  }

  void finish(const frame&) override {}

 private:
  duration<double> time_{};
  duration<double> due_ = std::chrono::seconds{1};
};

struct column {
  std::string title;
  std::size_t width;
  bool to_the_right;
  unsigned priority;  ///< The greatest goes first where there is no room.
};

/// The bottom of the terminal is the table, events scroll by above it.
class table_view final : public view {
 public:
  explicit table_view(bool colours) : colours_(colours) {}

  void tell(const std::string& event) override {
    erase();
    std::cout << stamp(last_.time) << event << '\n';
    draw();
  }

  void show(const frame& now) override {
    last_ = now;
    for (const auto& row : now.stats.backends) remember(row);
    if (now.time < due_) return;
    due_ = now.time + std::chrono::milliseconds{200};
    erase();
    draw();
  }

  void finish(const frame& last) override {
    due_ = {};
    show(last);
  }

  static constexpr unsigned fewest_lines = 16;
  static constexpr std::size_t fewest_columns = 40;

 private:
  /// Backends that are gone stay in the table.
  void remember(const cueball::backend_stats& row) {
    const std::pair known{row.where.name, row.key};
    if (std::find(seen_.begin(), seen_.end(), known) == seen_.end()) seen_.push_back(known);
  }

  void erase() {
    if (drawn_ > 0) std::cout << "\033[" << drawn_ << "A\033[J";
    drawn_ = 0;
  }

  void draw() {
    width_ = width();
    const auto columns = columns_that_fit();
    line("", "");
    line(head(columns), "\033[1m");
    for (const auto& [name, key] : seen_) row(columns, name, key);
    line("", "");
    line("claims/s " + decimal(per_second(last_.last.waits.count(), last_.last_length), 0) + "   wait " +
             waits(last_.last.waits),
         "");
    line("connections " + std::to_string(last_.stats.slots.total()) + "   claims waiting " +
             std::to_string(last_.stats.waiters) + "   failed: requests " +
             std::to_string(last_.all.failed()) + ", claims " + std::to_string(last_.all.claims_failed),
         "");
    std::cout << std::flush;
  }

  static std::size_t width() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  }

  std::vector<column> columns_that_fit() const {
    std::size_t longest_key = 7;
    for (const auto& [name, key] : seen_) longest_key = std::max(longest_key, key.size());
    std::vector<column> all{{"backend", longest_key, false, 0},
                            {"state", 11, false, 1},
                            {"idle", 4, true, 2},
                            {"claimed", 7, true, 3},
                            {"connecting", 10, true, 4},
                            {"requests", 9, true, 5},
                            {"req/s", 6, true, 1}};
    const auto total = [&] {
      std::size_t sum = 0;
      for (const auto& column : all) sum += column.width + 2;
      return sum;
    };
    while (total() > width_ && all.size() > 2)
      all.erase(std::max_element(all.begin(), all.end(), [](const column& one, const column& other) {
        return one.priority < other.priority;
      }));
    return all;
  }

  static std::string cell(const column& where, const std::string& text) {
    const std::string space(where.width > text.size() ? where.width - text.size() : 0, ' ');
    return (where.to_the_right ? space + text : text + space) + "  ";
  }

  static std::string head(const std::vector<column>& columns) {
    std::string text;
    for (const auto& column : columns) text += cell(column, column.title);
    return text;
  }

  void row(const std::vector<column>& columns, const std::string& name, const std::string& key) {
    const auto& rows = last_.stats.backends;
    const auto found =
        std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.key == key; });
    const bool known = found != rows.end();
    const bool stopped = last_.stats.state == cueball::pool_state::stopped;
    const auto status = !known ? "gone" : stopped ? "closed" : state(*found);
    const auto slots = known ? found->slots : cueball::slot_counts{};
    const auto value = [&](const std::string& title) -> std::string {
      if (title == "backend") return key;
      if (title == "state") return status;
      if (title == "idle") return std::to_string(slots.idle + slots.checking);
      if (title == "claimed") return std::to_string(slots.claimed);
      if (title == "connecting") return std::to_string(slots.connecting);
      if (title == "requests") return std::to_string(answered(last_.all, name));
      return decimal(per_second(answered(last_.last, name), last_.last_length), 0);
    };
    std::string text;
    for (const auto& column : columns) text += cell(column, value(column.title));
    line(text, status == "unreachable" || status == "dead"          ? "\033[31m"
               : status == "ok"                                     ? "\033[32m"
               : !known || stopped || !(found->live || found->dead) ? "\033[2m"
                                                                    : "\033[33m");
  }

  static std::uint64_t answered(const tally& of, const std::string& name) {
    const auto found = of.by_name.find(name);
    return found == of.by_name.end() ? 0 : found->second.answered;
  }

  /// Never longer than the terminal is wide: a line that wraps would not be erased.
  void line(std::string text, std::string_view colour) {
    if (text.size() >= width_) text.resize(width_ - 1);
    if (colours_ && !colour.empty())
      std::cout << colour << text << "\033[0m\n";
    else
      std::cout << text << '\n';
    ++drawn_;
  }

  bool colours_;
  frame last_;
  duration<double> due_{};
  std::vector<std::pair<std::string, std::string>> seen_;
  std::size_t width_ = 80;
  unsigned drawn_ = 0;
};

bool can_redraw() {
  const char* const type = std::getenv("TERM");
  winsize size{};
  return ::isatty(STDOUT_FILENO) != 0 && type && std::string_view{type} != "dumb" &&
         ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row >= table_view::fewest_lines &&
         size.ws_col >= table_view::fewest_columns;
}

}  // namespace

bool may_use_colours() {
  const char* const unwanted = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) != 0 && (!unwanted || *unwanted == '\0');
}

std::unique_ptr<view> make_view(bool plain) {
  if (plain || !can_redraw()) return std::make_unique<plain_view>();
  return std::make_unique<table_view>(may_use_colours());
}

}  // namespace demo
