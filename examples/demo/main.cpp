// SPDX-License-Identifier: BSL-1.0
/// \file
/// A pool over real servers that die, return, come and go; ends with a verdict that is computed.
#include <chrono>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string_view>

#include "story.hpp"
#include "verdict.hpp"
#include "view.hpp"

namespace {

constexpr std::string_view usage = R"(demo [--fast] [--plain]

Starts echo servers on the loopback interface, each a process of its own, and uses them from several threads
through a cueball pool, while one of them is killed, one is added, the killed one returns, and one is removed.
Shows what happens, then which of the pool's rules held.

  --fast    observe for shorter times: some 6 s in all, instead of 18 s
  --plain   no table that is redrawn, but a line a second, as if the output were no terminal

The environment variable NO_COLOR does what it says. Ends with 0 if all rules held, 1 if one was broken, 2 if
the demo could not run.
)";

int run(bool fast, bool plain) {
  const auto server = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "echo_server";
  const std::chrono::milliseconds observe{fast ? 700 : 3000};
  const auto shown = demo::make_view(plain);
  demo::story story{*shown, server.string(), observe};
  const auto verdict = story.play();
  verdict.print(std::cout, demo::may_use_colours());
  if (!std::cout.flush()) throw std::runtime_error("the verdict could not be written");
  return verdict.held() ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  bool fast = false;
  bool plain = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      std::cout << usage;
      return 0;
    }
    if (argument == "--fast") {
      fast = true;
    } else if (argument == "--plain") {
      plain = true;
    } else {
      std::cerr << "demo: there is no option " << argument << "\n\n" << usage;
      return 2;
    }
  }
  try {
    return run(fast, plain);
  } catch (const std::exception& failure) {
    std::cerr << "demo: " << failure.what() << '\n';
    return 2;
  }
}
