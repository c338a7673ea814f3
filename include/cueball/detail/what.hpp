// SPDX-License-Identifier: BSL-1.0
/// \file
/// What user code threw, as an error.
#pragma once

#include <exception>
#include <string>
#include <system_error>

#include <boost/system/system_error.hpp>

#include <cueball/error.hpp>

namespace cueball::detail {

struct failure {
  error_code error{};
  std::string text{};
};

/// Calls `function`. What it throws becomes an error: its own, or `otherwise` with the exception's text.
template <class Function>
failure failure_of(errc otherwise, Function&& function) {
  try {
    function();
    return {};
  } catch (const boost::system::system_error& thrown) {
    return {thrown.code(), thrown.what()};
  } catch (const std::system_error& thrown) {
    return {thrown.code(), thrown.what()};
  } catch (const std::exception& thrown) {
    return {otherwise, thrown.what()};
  } catch (...) {
    return {otherwise, "something that is no std::exception was thrown"};
  }
}

}  // namespace cueball::detail
