// SPDX-License-Identifier: BSL-1.0
/// \file
/// An echo server: `echo_server PORT WORK`. Listens on 127.0.0.1, on a free port if PORT is 0, and writes the
/// port to its standard output. Answers what it reads after WORK microseconds, as a server that has to think
/// would. Ends when its standard input ends: with whoever started it.
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// One connection. It keeps itself alive while an operation of it is pending.
class peer : public std::enable_shared_from_this<peer> {
 public:
  peer(tcp::socket socket, std::chrono::microseconds work)
      : socket_(std::move(socket)), thinking_(socket_.get_executor()), work_(work) {}

  void read() {
    socket_.async_read_some(asio::buffer(bytes_),
                            [self = shared_from_this()](error_code error, std::size_t size) {
                              if (!error) self->think(size);
                            });
  }

 private:
  void think(std::size_t size) {
    thinking_.expires_after(work_);
    thinking_.async_wait([self = shared_from_this(), size](error_code) { self->answer(size); });
  }

  void answer(std::size_t size) {
    asio::async_write(socket_, asio::buffer(bytes_, size),
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (!error) self->read();
                      });
  }

  tcp::socket socket_;
  asio::steady_timer thinking_;
  std::chrono::microseconds work_;
  std::array<char, 1024> bytes_{};
};

void listen(tcp::acceptor& acceptor, std::chrono::microseconds work) {
  acceptor.async_accept([&acceptor, work](error_code error, tcp::socket socket) {
    if (!error) {
      socket.set_option(tcp::no_delay{true}, error);
      std::make_shared<peer>(std::move(socket), work)->read();
    }
    listen(acceptor, work);
  });
}

void run(std::uint16_t port, std::chrono::microseconds work) {
  asio::io_context context{1};
  tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), port}};
  std::cout << acceptor.local_endpoint().port() << std::endl;

  asio::posix::stream_descriptor parent{context, ::dup(STDIN_FILENO)};
  char never_sent = 0;
  parent.async_read_some(asio::buffer(&never_sent, 1), [&](error_code, std::size_t) { context.stop(); });

  listen(acceptor, work);
  context.run();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: echo_server PORT WORK_IN_MICROSECONDS\n";
    return 2;
  }
  try {
    run(static_cast<std::uint16_t>(std::stoul(arguments[1])),
        std::chrono::microseconds{std::stol(arguments[2])});
  } catch (const std::exception& failure) {
    std::cerr << "echo_server: " << failure.what() << '\n';
    return 1;
  }
}
