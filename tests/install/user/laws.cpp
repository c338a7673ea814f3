// SPDX-License-Identifier: BSL-1.0
// Somebody's policy, and the installed laws: the good one keeps them, the wrong one does not.
#include <iostream>
#include <optional>
#include <vector>

#include <cueball/laws/queue.hpp>

template <bool LosesTheLast>
struct stack {
  using category = cueball::queue_policy;
  static constexpr std::string_view name = LosesTheLast ? "leaky stack" : "stack";
  static constexpr cueball::queue_order order = cueball::queue_order::last_in_first_out;

  template <class Slot>
  class queue {
   public:
    queue(const stack&, std::size_t capacity, cueball::random_source) { held_.reserve(capacity); }

    void push(Slot slot) noexcept { held_.push_back(slot); }
    std::optional<Slot> pop() noexcept {
      if (held_.empty() || (LosesTheLast && held_.size() == 1)) return std::nullopt;
      const auto last = held_.back();
      held_.pop_back();
      return last;
    }
    void remove(Slot slot) noexcept {
      std::erase_if(held_, [&](Slot held) { return held.index() == slot.index(); });
    }
    std::size_t size() const noexcept { return held_.size(); }
    bool shuffle(cueball::random_source& random, std::size_t) noexcept {
      for (std::size_t i = held_.size(); i > 1; --i)
        std::swap(held_[i - 1], held_[random.below(static_cast<std::uint32_t>(i))]);
      return true;
    }

   private:
    std::vector<Slot> held_;
  };
};

int main() {
  cueball::laws::check_queue<stack<false>>();
  try {
    cueball::laws::check_queue<stack<true>>();
  } catch (const cueball::laws::law_broken& broken) {
    std::cout << broken.what();
    return 0;
  }
  return 1;
}
