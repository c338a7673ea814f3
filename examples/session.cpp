// SPDX-License-Identifier: BSL-1.0
/// \file
/// A connection of one's own: a session of a toy directory, which is connected only once its user is logged
/// in, as an LDAP session is after its bind. The pool never hands out one that is not.
#include <chrono>
#include <cstddef>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_category.hpp>

#include <cueball/cueball.hpp>

#include "line_server.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// An error of one's own, so that the pool's errors and statistics can say why there is no connection.
struct directory_errors final : boost::system::error_category {
  const char* name() const noexcept override { return "directory"; }
  std::string message(int) const override { return "the directory refused the password"; }
};

cueball::error_code wrong_password() {
  static const directory_errors category;
  return {1, category};
}

class directory_session {
 public:
  directory_session(const asio::any_io_executor& executor, const cueball::backend& where,
                    const std::string& user, const std::string& password)
      : socket_(executor),
        server_(asio::ip::make_address(where.address), where.port),
        request_("LOGIN " + user + ' ' + password + '\n') {}

  /// Completes with void(error_code) when the user is logged in. A composed operation: its steps run on the
  /// executor of `token`'s handler, and each can be cancelled, which is all that the pool asks for.
  template <class Token>
  auto async_connect(Token&& token) {
    return asio::async_compose<Token, void(cueball::error_code)>(
        [this, step = 0](auto& self, cueball::error_code error = {}, std::size_t = 0) mutable {
          if (error) return self.complete(error);
          switch (step++) {
            case 0:
              return socket_.async_connect(server_, std::move(self));
            case 1:
              return asio::async_write(socket_, asio::buffer(request_), std::move(self));
            case 2:
              return asio::async_read_until(socket_, asio::dynamic_buffer(answer_), '\n', std::move(self));
            default:
              return self.complete(answer_ == "welcome\n" ? cueball::error_code{} : wrong_password());
          }
        },
        token, socket_);
  }

  void close() noexcept {
    cueball::error_code ignored;
    socket_.close(ignored);
  }

  // These three are optional.

  /// A question that changes nothing. The pool asks it now and then, while nobody uses the session.
  template <class Token>
  auto async_check(Token&& token) {
    return asio::async_compose<Token, void(cueball::error_code)>(
        [this, step = 0](auto& self, cueball::error_code error = {}, std::size_t = 0) mutable {
          if (error) return self.complete(error);
          switch (step++) {
            case 0:
              return asio::async_write(socket_, asio::buffer("WHO\n", 4), std::move(self));
            case 1:
              answer_.clear();
              return asio::async_read_until(socket_, asio::dynamic_buffer(answer_), '\n', std::move(self));
            default:
              return self.complete({});
          }
        },
        token, socket_);
  }

  bool is_open() const noexcept { return socket_.is_open(); }

  /// Completes when the server hangs up: an idle session has nothing to read.
  template <class Token>
  auto async_wait_broken(Token&& token) {
    return socket_.async_wait(asio::ip::tcp::socket::wait_read, std::forward<Token>(token));
  }

  /// What one claims a session for. If it fails, the session is of no further use, and says so.
  std::string ask(const std::string& question) try {
    asio::write(socket_, asio::buffer(question + '\n'));
    answer_.clear();
    asio::read_until(socket_, asio::dynamic_buffer(answer_), '\n');
    return answer_.substr(0, answer_.find('\n'));
  } catch (...) {
    close();
    throw;
  }

 private:
  asio::ip::tcp::socket socket_;
  asio::ip::tcp::endpoint server_;
  std::string request_;
  std::string answer_;
};

using directory_pool = cueball::pool<directory_session>;

int main() {
  // The server remembers who is logged in on a connection.
  const examples::line_server server{[](std::string& user, const std::string& line) -> std::string {
    if (line == "LOGIN ada secret") return user = "ada", "welcome";
    return !user.empty() && line == "WHO" ? user : "log in first";
  }};
  const cueball::static_resolver servers{{"127.0.0.1", server.port()}};

  // What a connection needs besides its backend is captured by the function that makes it.
  const auto as_ada = [](const std::string& password) {
    return [password](const asio::any_io_executor& executor, const cueball::backend& where) {
      return directory_session{executor, where, "ada", password};
    };
  };

  directory_pool pool{servers, as_ada("secret"), {.max_connections = 2}};
  const auto who = pool.claim()->ask("WHO");
  std::cout << "logged in as " << who << '\n';

  directory_pool locked_out{servers, as_ada("guess"), {.max_connections = 2, .claim_timeout = 1s}};
  try {
    (void)locked_out.claim();
    return 1;
  } catch (const std::system_error& thrown) {
    std::cout << thrown.what() << '\n';
    const auto reason = locked_out.stats().backends.at(0).last_error;
    return who == "ada" && thrown.code() == cueball::errc::claim_timeout && reason == wrong_password() ? 0
                                                                                                       : 1;
  }
}
