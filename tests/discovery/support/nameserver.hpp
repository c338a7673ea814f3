// SPDX-License-Identifier: BSL-1.0
/// \file
/// A nameserver in a thread of the test, which answers as the test tells it, also what no real one would.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

namespace support {

using bytes = std::vector<std::uint8_t>;

inline void put16(bytes& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
  out.push_back(static_cast<std::uint8_t>(value));
}

inline void put32(bytes& out, std::uint32_t value) {
  put16(out, value >> 16U);
  put16(out, value & 0xFFFFU);
}

inline void put_name(bytes& out, const std::string& name) {
  for (std::size_t begin = 0; begin < name.size();) {
    const auto end = std::min(name.find('.', begin), name.size());
    if (end > begin) {
      out.push_back(static_cast<std::uint8_t>(end - begin));
      out.insert(out.end(), name.begin() + static_cast<std::ptrdiff_t>(begin),
                 name.begin() + static_cast<std::ptrdiff_t>(end));
    }
    begin = end + 1;
  }
  out.push_back(0);
}

/// A record, as it is sent.
struct dns_record {
  std::string owner;
  unsigned type = 0;
  std::uint32_t ttl = 0;
  bytes data;
};

inline dns_record a(const std::string& owner, const std::string& address, std::uint32_t ttl = 1) {
  const auto raw = boost::asio::ip::make_address_v4(address).to_bytes();
  return {owner, 1, ttl, {raw.begin(), raw.end()}};
}

inline dns_record aaaa(const std::string& owner, const std::string& address, std::uint32_t ttl = 1) {
  const auto raw = boost::asio::ip::make_address_v6(address).to_bytes();
  return {owner, 28, ttl, {raw.begin(), raw.end()}};
}

inline dns_record srv(const std::string& owner, const std::string& target, unsigned port,
                      std::uint32_t ttl = 1, unsigned priority = 0, unsigned weight = 1) {
  dns_record out{owner, 33, ttl, {}};
  put16(out.data, priority);
  put16(out.data, weight);
  put16(out.data, port);
  put_name(out.data, target);
  return out;
}

inline dns_record cname(const std::string& owner, const std::string& target, std::uint32_t ttl = 1) {
  dns_record out{owner, 5, ttl, {}};
  put_name(out.data, target);
  return out;
}

inline dns_record soa(const std::string& owner, std::uint32_t ttl, std::uint32_t minimum) {
  dns_record out{owner, 6, ttl, {}};
  put_name(out.data, "ns." + owner);
  put_name(out.data, "admin." + owner);
  for (int i = 0; i < 4; ++i) put32(out.data, 1);
  put32(out.data, minimum);
  return out;
}

/// What is sent back.
struct dns_answer {
  unsigned code = 0;
  std::vector<dns_record> answers{};
  std::vector<dns_record> authorities{};
  std::vector<dns_record> additionals{};
  bool truncated = false;
  std::chrono::milliseconds delay{0};
  std::optional<bytes> raw{};  ///< In place of all behind the id.
  bool silent = false;
};

inline constexpr unsigned servfail = 2, nxdomain = 3, notimp = 4, refused = 5;

struct dns_question {
  std::string name;
  unsigned type = 0;
  bool tcp = false;

  friend bool operator==(const dns_question&, const dns_question&) = default;
};

/// The message with this id and question.
inline bytes message_of(unsigned id, const dns_question& to, const dns_answer& answer) {
  bytes out;
  put16(out, id);
  if (answer.raw) {
    out.insert(out.end(), answer.raw->begin(), answer.raw->end());
    return out;
  }
  put16(out, 0x8180U | answer.code | (answer.truncated ? 0x0200U : 0U));
  put16(out, 1);
  for (const auto* const section : {&answer.answers, &answer.authorities, &answer.additionals})
    put16(out, static_cast<unsigned>(section->size()));
  put_name(out, to.name);
  put16(out, to.type);
  put16(out, 1);
  for (const auto* const section : {&answer.answers, &answer.authorities, &answer.additionals})
    for (const auto& each : *section) {
      put_name(out, each.owner);
      put16(out, each.type);
      put16(out, 1);
      put32(out, each.ttl);
      put16(out, static_cast<unsigned>(each.data.size()));
      out.insert(out.end(), each.data.begin(), each.data.end());
    }
  return out;
}

/// Records by owner and type. Other names do not exist; the SOA lets that hold for a second.
struct zone {
  std::vector<dns_record> records;
  std::vector<dns_record> along{};  ///< In the additional section of each answer.

  dns_answer operator()(const dns_question& asked) const {
    dns_answer out{.authorities = {soa("test", 1, 1)}};
    bool exists = false;
    for (const auto& each : records) {
      if (each.owner != asked.name) continue;
      exists = true;
      if (each.type == asked.type) out.answers.push_back(each);
    }
    if (!exists) out.code = nxdomain;
    if (!out.answers.empty()) {
      out.authorities.clear();
      out.additionals = along;
    }
    return out;
  }
};

/// Listens to UDP and TCP on one port of loopback.
class nameserver {
 public:
  using script = std::function<dns_answer(const dns_question&)>;

  /// \param port_or_any 0: one that is free
  explicit nameserver(script how, const std::string& address = "127.0.0.1", std::uint16_t port_or_any = 0)
      : address_(boost::asio::ip::make_address(address)), how_(std::move(how)) {
    for (boost::system::error_code taken = boost::asio::error::address_in_use; taken;) {
      acceptor_ = boost::asio::ip::tcp::acceptor{context_, {address_, port_or_any}};
      udp_ = boost::asio::ip::udp::socket{context_};
      udp_.open(address_.is_v6() ? boost::asio::ip::udp::v6() : boost::asio::ip::udp::v4());
      udp_.bind({address_, port()}, taken);
      if (taken && port_or_any != 0) throw boost::system::system_error{taken};
    }
    receive();
    accept();
    thread_ = std::thread{[this] { context_.run(); }};
  }

  ~nameserver() {
    context_.stop();
    thread_.join();
  }

  void answer(script how) {
    const std::scoped_lock lock{mutex_};
    how_ = std::move(how);
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::string text() const {
    return (address_.is_v6() ? "[" + address_.to_string() + "]" : address_.to_string()) + ":" +
           std::to_string(port());
  }

  /// Those that came since this was called last.
  std::vector<dns_question> questions() {
    const std::scoped_lock lock{mutex_};
    return std::exchange(questions_, {});
  }

  std::size_t asked() const {
    const std::scoped_lock lock{mutex_};
    return asked_;
  }

  /// Of those with a delay: how many at most waited for their answers at once.
  std::size_t most_waiting() const {
    const std::scoped_lock lock{mutex_};
    return most_waiting_;
  }

 private:
  using tcp = boost::asio::ip::tcp;
  using udp = boost::asio::ip::udp;

  template <class Send>
  void reply(const bytes& request, bool is_tcp, Send send) {
    if (request.size() < 17) return;
    dns_question to{{}, 0, is_tcp};
    std::size_t i = 12;
    while (i < request.size() && request[i] != 0) {
      const std::size_t size = request[i++];
      if (!to.name.empty()) to.name += '.';
      for (std::size_t end = i + size; i < end && i < request.size(); ++i)
        to.name += static_cast<char>(request[i]);
    }
    if (i + 2 >= request.size()) return;
    to.type = static_cast<unsigned>(request[i + 1] << 8U | request[i + 2]);
    dns_answer answer;
    {
      const std::scoped_lock lock{mutex_};
      questions_.push_back(to);
      ++asked_;
      answer = how_(to);
      if (answer.delay.count() > 0) most_waiting_ = std::max(most_waiting_, ++waiting_);
    }
    if (answer.silent) return;
    const auto text = message_of(static_cast<unsigned>(request[0] << 8U | request[1]), to, answer);
    if (answer.delay.count() == 0) return send(text);
    auto timer = std::make_shared<boost::asio::steady_timer>(context_, answer.delay);
    timer->async_wait([this, timer, text, send](auto) {
      {
        const std::scoped_lock lock{mutex_};
        --waiting_;
      }
      send(text);
    });
  }

  void receive() {
    udp_.async_receive_from(boost::asio::buffer(buffer_), from_, [this](auto error, std::size_t size) {
      if (error == boost::asio::error::operation_aborted) return;
      if (!error)
        reply({buffer_, buffer_ + size}, false, [this, to = from_](const bytes& text) {
          boost::system::error_code ignored;
          udp_.send_to(boost::asio::buffer(text), to, 0, ignored);
        });
      receive();
    });
  }

  void accept() {
    acceptor_.async_accept([this](auto error, tcp::socket peer) {
      if (error) return;
      serve(std::make_shared<tcp::socket>(std::move(peer)));
      accept();
    });
  }

  void serve(const std::shared_ptr<tcp::socket>& peer) {
    auto size = std::make_shared<bytes>(2);
    boost::asio::async_read(*peer, boost::asio::buffer(*size), [this, peer, size](auto error, std::size_t) {
      if (error) return;
      auto body = std::make_shared<bytes>(static_cast<std::size_t>((*size)[0] << 8U | (*size)[1]));
      boost::asio::async_read(*peer, boost::asio::buffer(*body),
                              [this, peer, body](auto failed, std::size_t) {
                                if (failed) return;
                                reply(*body, true, [peer](const bytes& text) {
                                  bytes framed;
                                  put16(framed, static_cast<unsigned>(text.size()));
                                  framed.insert(framed.end(), text.begin(), text.end());
                                  boost::system::error_code ignored;
                                  boost::asio::write(*peer, boost::asio::buffer(framed), ignored);
                                });
                                serve(peer);
                              });
    });
  }

  boost::asio::ip::address address_;
  mutable std::mutex mutex_;
  script how_;
  std::vector<dns_question> questions_;
  std::size_t asked_ = 0;
  std::size_t waiting_ = 0;
  std::size_t most_waiting_ = 0;
  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_};
  udp::socket udp_{context_};
  udp::endpoint from_;
  std::uint8_t buffer_[4096];
  std::thread thread_;
};

}  // namespace support
