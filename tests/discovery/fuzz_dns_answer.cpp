// SPDX-License-Identifier: BSL-1.0
/// \file
/// Any bytes as a DNS message: an error or an answer, and nothing else. The first byte says what was asked.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include <dns/answer.hpp>

using namespace cueball::dns;

namespace {

void demand(bool condition) {
  if (!condition) std::abort();
}

void check(const finding& what, record_type type) {
  demand((what.what == finding::kind::found) == !what.records.empty());
  demand(!what.ttl || *what.ttl <= INT32_MAX);
  for (const auto& each : what.records) {
    demand(each.type == type && each.owner.size() <= 4 * 255 && each.ttl <= INT32_MAX);
    if (type == record_type::srv)
      demand(std::get<service_data>(each.data).target.size() <= 4 * 255);
    else
      demand(!std::get<address_data>(each.data).address.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr record_type types[] = {record_type::a, record_type::aaaa, record_type::srv};
  const auto type = types[*data % 3];
  std::string problem;
  const auto answer = parse(std::span{data + 1, size - 1}, problem);
  demand(answer.has_value() == problem.empty());
  if (!answer) return 0;
  const auto name = answer->answers.empty() ? std::string{"x.test"} : answer->answers.front().owner;
  check(read(*answer, name, type), type);
  const auto target = answer->additionals.empty() ? name : answer->additionals.front().owner;
  check(read_additional(*answer, target, type == record_type::srv ? record_type::a : type),
        type == record_type::srv ? record_type::a : type);
  return 0;
}
