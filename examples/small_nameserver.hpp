// SPDX-License-Identifier: BSL-1.0
/// \file
/// A nameserver that knows one service, so that an example needs none that runs elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

namespace examples {

/// Whoever asks for SRV records is told these ports on `here.test`, whose address is 127.0.0.1; all hold for
/// a minute. In a thread of its own.
class small_nameserver {
 public:
  explicit small_nameserver(std::vector<std::uint16_t> ports) : ports_(std::move(ports)) {
    receive();
    thread_ = std::thread{[this] { context_.run(); }};
  }

  ~small_nameserver() {
    context_.stop();
    thread_.join();
  }

  small_nameserver(const small_nameserver&) = delete;
  small_nameserver& operator=(const small_nameserver&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(socket_.local_endpoint().port()); }

 private:
  using udp = boost::asio::ip::udp;
  using bytes = std::basic_string<std::uint8_t>;

  void receive() {
    socket_.async_receive_from(boost::asio::buffer(buffer_), from_, [this](auto error, std::size_t size) {
      if (error == boost::asio::error::operation_aborted) return;
      if (!error && size > header) socket_.send_to(boost::asio::buffer(answer({buffer_, size})), from_);
      receive();
    });
  }

  /// The header and the question, and behind them records whose owner is a pointer to the question.
  bytes answer(const bytes& request) const {
    const auto end = request.find(std::uint8_t{0}, header) + 5;
    const auto type = request[end - 3];
    bytes out = request.substr(0, end);
    std::uint8_t count = 0;
    const auto add = [&](const bytes& data) {
      out +=
          bytes{0xC0, header, 0, type, 0, 1, 0, 0, 0, 60, 0, static_cast<std::uint8_t>(data.size())} + data;
      ++count;
    };
    if (type == 1) add({127, 0, 0, 1});
    if (type == 33)
      for (const auto port : ports_)
        add({0, 0, 0, 1, static_cast<std::uint8_t>(port >> 8U), static_cast<std::uint8_t>(port), 4, 'h', 'e',
             'r', 'e', 4, 't', 'e', 's', 't', 0});
    const std::uint8_t counts[] = {0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0};
    return out.replace(2, sizeof counts, counts, sizeof counts);
  }

  static constexpr std::uint8_t header = 12;

  std::vector<std::uint16_t> ports_;
  boost::asio::io_context context_;
  udp::socket socket_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
  udp::endpoint from_;
  std::uint8_t buffer_[512];
  std::thread thread_;
};

}  // namespace examples
