// SPDX-License-Identifier: BSL-1.0
/// \file
/// Running a law, and telling how it broke.

#include <cstdlib>
#include <iostream>
#include <sstream>

#include <rapidcheck/detail/TestListener.h>

#include <cueball/laws/law.hpp>

namespace cueball::laws {

namespace {

/// Long runs tell how far they are.
class progress final : public rc::detail::TestListener {
 public:
  progress(const std::string& sentence, int cases) : sentence_(sentence), cases_(cases) {}

  void onTestCaseFinished(const rc::detail::CaseDescription&) override {
    if (++done_ % 10'000 == 0 && done_ < cases_)
      std::cerr << "  " << done_ << " of " << cases_ << " cases: " << sentence_ << std::endl;
  }
  void onShrinkTried(const rc::detail::CaseDescription&, bool) override {}
  void onTestFinished(const rc::detail::TestMetadata&, const rc::detail::TestResult&) override {}

 private:
  const std::string& sentence_;
  int cases_;
  int done_ = 0;
};

std::string told(const std::string& sentence, int cases, const std::string& report) {
  std::ostringstream text;
  text << "this law does not hold: " << sentence << "\n";
  if (cases > 0) text << "(it held in " << cases << (cases == 1 ? " case" : " cases") << " before)\n";
  text << report;
  return text.str();
}

std::string report_of(const rc::detail::FailureResult& failure, const std::string& sentence) {
  std::ostringstream text;
  text << "\n";
  for (const auto& [type, value] : failure.counterExample) text << type << ":\n" << value << "\n\n";
  text << failure.description
       << "\n\nTo run this case again, set in the environment what follows (the seed was "
       << rc::detail::configuration().testParams.seed << ")\n";
  rc::detail::Configuration again;
  again.reproduce.emplace(sentence, failure.reproduce);
  text << "RC_PARAMS=\"" << rc::detail::configToMinimalString(again) << "\"\n";
  return text.str();
}

}  // namespace

law_broken::law_broken(std::string law, int cases, const std::string& report)
    : std::logic_error(told(law, cases, report)), law_(std::move(law)), cases_(cases) {}

int number_of_cases() {
  const char* const params = std::getenv("RC_PARAMS");
  if (params && std::string{params}.find("max_success") != std::string::npos)
    return rc::detail::configuration().testParams.maxSuccess;
  const char* const cases = std::getenv("CUEBALL_CASES");
  const auto number = cases ? std::atoi(cases) : 0;
  return number > 0 ? number : 1000;
}

bool is_replaying() {
  return !rc::detail::configuration().reproduce.empty();
}

void detail::check(const std::string& sentence, const rc::detail::Property& property) {
  const auto& configuration = rc::detail::configuration();
  auto params = configuration.testParams;
  params.maxSuccess = number_of_cases();
  rc::detail::TestMetadata metadata;
  metadata.id = sentence;
  metadata.description = sentence;
  progress shown{sentence, params.maxSuccess};
  const auto result = rc::detail::checkProperty(property, metadata, params, shown, configuration.reproduce);
  rc::detail::FailureResult failure;
  if (result.match(failure)) throw law_broken{sentence, failure.numSuccess, report_of(failure, sentence)};
  if (result.is<rc::detail::SuccessResult>()) return;
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  throw law_broken{sentence, 0, text.str()};
}

void detail::break_fact(const std::string& sentence, const std::string& why) {
  throw law_broken{sentence, 0, why + "\n"};
}

}  // namespace cueball::laws
