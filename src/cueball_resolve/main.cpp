// SPDX-License-Identifier: BSL-1.0
/// \file
/// cueball-resolve: prints what a service resolves to.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cueball/backend.hpp>
#include <cueball/detail/json_writer.hpp>
#include <cueball/resolver.hpp>
#include <cueball/resolver_for.hpp>

namespace asio = boost::asio;
using namespace cueball;

namespace {

constexpr const char* help =
    R"(cueball-resolve [OPTION...] ADDRESS

Prints the backends that ADDRESS resolves to, a line each.

  -f, --follow         go on, and print each change as it comes, until ended by a signal
  -j, --json           a JSON object a line
  -p, --port PORT      of hosts that are written without one
  -t, --timeout SECS   how long the first answer may take (10)
  -h, --help

ADDRESS is one of

  10.0.0.1:5432,10.0.0.2:5432                 these
  db.example.com:5432                         the addresses of a name
  dns+srv://_http._tcp.example.com            the hosts of a service, by its SRV records
  zookeeper://h1:2181,h2:2181/services/web    the children of a node of ZooKeeper
  zookeeper+primary://h1:2181/manatee/1/state the primary of a Manatee shard
  etcd://h1:2379,h2:2379/services/web/        the keys of etcd that begin with /services/web/

or several with | between, which are tried in order. Behind a name there may be ?nameservers=10.0.0.1:53,...

Examples:

  cueball-resolve dns+srv://_imaps._tcp.gmail.com
  cueball-resolve --follow --json 'etcd://127.0.0.1:2379/web/' | jq .key
  cueball-resolve 'zookeeper://zk1,zk2/web | 10.0.0.1:80'

Ends with 0 if there is a backend, 1 if there is none, 2 if the command was wrong, 3 if that could not be found
out in time, 4 if it could not be printed.)";

/// How long the run may take to end; a lookup that has not ended by then is left.
constexpr std::chrono::milliseconds grace{100};

struct command {
  std::string address;
  bool follows = false;
  bool is_json = false;
  std::uint16_t port = 0;
  std::chrono::seconds timeout{10};
};

struct wrong_command {
  std::string what;
};

/// A line, which is to be seen at once. Where that cannot be, the program ends, whatever is under way.
void print(const std::string& line) {
  errno = 0;
  std::cout << line << std::endl;
  if (std::cout) return;
  const std::error_code why{errno != 0 ? errno : EIO, std::generic_category()};
  std::cerr << "cueball-resolve: the output cannot be written: " << why.message() << '\n';
  std::_Exit(4);
}

long number(const std::string& option, const std::string& text, long most) {
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value < 1 || value > most)
    throw wrong_command{option + " is '" + text + "'; it must be 1 to " + std::to_string(most)};
  return value;
}

/// Nothing: help was asked for.
std::optional<command> read(const std::vector<std::string>& arguments) {
  command all;
  for (auto it = arguments.begin(); it != arguments.end(); ++it) {
    std::string name = *it;
    std::optional<std::string> attached;
    if (const auto equals = name.find('='); name.starts_with("--") && equals != name.npos) {
      attached = name.substr(equals + 1);
      name.resize(equals);
    }
    const auto value = [&] {
      if (attached) return *attached;
      if (++it == arguments.end()) throw wrong_command{name + " has no value"};
      return *it;
    };
    const auto is_flag = [&](std::string_view letter, std::string_view word) {
      if (name != letter && name != word) return false;
      if (attached) throw wrong_command{name + " takes no value"};
      return true;
    };
    if (is_flag("-h", "--help")) return std::nullopt;
    if (is_flag("-f", "--follow"))
      all.follows = true;
    else if (is_flag("-j", "--json"))
      all.is_json = true;
    else if (name == "-p" || name == "--port")
      all.port = static_cast<std::uint16_t>(number(name, value(), 65535));
    else if (name == "-t" || name == "--timeout")
      all.timeout = std::chrono::seconds{number(name, value(), 86400)};
    else if (name.starts_with('-') && name.size() > 1)
      throw wrong_command{"there is no option " + name};
    else if (all.address.empty())
      all.address = *it;
    else
      throw wrong_command{"there are two addresses, '" + all.address + "' and '" + *it + "'"};
  }
  if (all.address.empty()) throw wrong_command{"there is no address"};
  return all;
}

/// A line each.
class printer {
 public:
  explicit printer(const command& how) : how_(how) {}

  void backend_line(const char* event, const backend& where) const {
    if (how_.is_json) {
      detail::json_writer out;
      out.object([&] {
        out.member("event").value(std::string_view{event});
        out.member("key").value(where.key());
        out.member("address").value(where.address);
        out.member("port").value(std::uint32_t{where.port});
        if (!where.name.empty()) out.member("name").value(where.name);
        out.member("weight").value(where.weight);
        out.member("priority").value(where.priority);
        if (!where.attributes.empty()) {
          out.member("attributes");
          out.object([&] {
            for (const auto& [name, value] : where.attributes) out.member(name).value(value);
          });
        }
      });
      return print(std::move(out).text());
    }
    auto line = (how_.follows ? event + std::string{' '} : "") + where.key();
    if (where.weight != 1) line += " weight=" + std::to_string(where.weight);
    if (where.priority != 0) line += " priority=" + std::to_string(where.priority);
    print(line);
  }

  void removed(const std::string& key) const {
    if (!how_.is_json) return print("removed " + key);
    detail::json_writer out;
    out.object([&] {
      out.member("event").value(std::string_view{"removed"});
      out.member("key").value(key);
    });
    print(std::move(out).text());
  }

  /// What went wrong is not what was asked for: to the other stream, whatever the form.
  void failed(error_code error, const std::string& text) const {
    std::cerr << "cueball-resolve: " << detail::words_of(error, text) << std::endl;
  }

 private:
  const command& how_;
};

/// One run, on one thread.
class session {
 public:
  explicit session(const command& how)
      : how_(how), out_(how), resolver_(resolver_for(how.address, {.port = how.port})) {}

  int run() {
    signals_.async_wait([this](error_code error, int) {
      if (!error) end();
    });
    limit_.expires_after(how_.timeout);
    limit_.async_wait([this](error_code error) {
      if (error) return;
      std::cerr << "cueball-resolve: no answer for '" << how_.address << "' within " << how_.timeout.count()
                << " s\n";
      end();
    });
    resolver_.async_run(
        resolver_sink{std::make_shared<target>(*this)},
        asio::bind_cancellation_slot(cancel_.slot(), asio::bind_executor(context_, [this](error_code error) {
                                       if (!is_ending_) out_.failed(error, {});
                                       is_over_ = true;
                                       end();
                                     })));
    while (!is_ending_ && context_.run_one() > 0) {
    }
    context_.run_for(grace);
    const int how = !has_answer_ ? 3 : known_.empty() ? 1 : 0;
    // The system's lookup of a name cannot be ended, and the context would wait for it.
    if (!context_.stopped()) std::_Exit(how);
    return how;
  }

 private:
  class target final : public detail::sink_target {
   public:
    explicit target(session& of) : of_(of) {}

    void added(backend where) override {
      asio::post(of_.context_, [&of = of_, where = std::move(where)] { of.set(where); });
    }
    void changed(backend where) override { added(std::move(where)); }
    void removed(std::string key) override {
      asio::post(of_.context_, [&of = of_, key = std::move(key)] { of.erase(key); });
    }
    void failed(error_code error, std::string text) override {
      asio::post(of_.context_, [&of = of_, error, text = std::move(text)] {
        if (!of.is_ending_) of.out_.failed(error, text);
      });
    }
    void round_done() override {
      asio::post(of_.context_, [&of = of_] { of.answered(); });
    }

   private:
    session& of_;
  };

  void set(const backend& where) {
    if (is_ending_) return;
    const bool is_new = !known_.contains(where.key());
    if (!is_new && known_[where.key()] == where) return;
    known_.insert_or_assign(where.key(), where);
    if (has_answer_) out_.backend_line(is_new ? "added" : "changed", where);
  }

  void erase(const std::string& key) {
    if (!is_ending_ && known_.erase(key) > 0 && has_answer_) out_.removed(key);
  }

  void answered() {
    if (is_ending_ || std::exchange(has_answer_, true)) return;
    limit_.cancel();
    for (const auto& [key, where] : known_) out_.backend_line("added", where);
    if (!how_.follows) end();
  }

  void end() {
    if (!std::exchange(is_ending_, true) && !is_over_) cancel_.emit(asio::cancellation_type::all);
    limit_.cancel();
    signals_.cancel();
  }

  const command& how_;
  printer out_;
  asio::io_context context_{1};
  asio::signal_set signals_{context_, SIGINT, SIGTERM};
  asio::steady_timer limit_{context_};
  asio::cancellation_signal cancel_;
  any_resolver resolver_;
  std::map<std::string, backend> known_;
  bool has_answer_ = false;
  bool is_ending_ = false;
  bool is_over_ = false;
};

}  // namespace

int main(int count, char** words) {
  try {
    const auto asked = read({words + 1, words + count});
    if (!asked) {
      print(help);
      return 0;
    }
    return session{*asked}.run();
  } catch (const wrong_command& wrong) {
    std::cerr << "cueball-resolve: " << wrong.what << "\nTry cueball-resolve --help.\n";
  } catch (const std::exception& wrong) {
    std::cerr << "cueball-resolve: " << wrong.what() << '\n';
  }
  return 2;
}
