#include "distributed/tcp_store.h"

#include <c10/util/Exception.h>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

namespace torch_tl {
namespace {

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

}  // namespace

TcpStore::TcpStore(const Options& options) {
  c10d::TCPStoreOptions store;
  store.port = static_cast<std::uint16_t>(options.port);
  store.isServer = options.hosts;
  if (options.hosts && options.listening_socket >= 0) store.masterListenFd = options.listening_socket;
  store.waitWorkers = false;
  store.timeout = options.timeout;
  store_ = c10::make_intrusive<c10d::PrefixStore>(
      options.prefix, c10::make_intrusive<c10d::TCPStore>(options.address, store));
}

void TcpStore::set(const std::string& key, const std::string& value) { store_->set(key, bytes_of(value)); }

bool TcpStore::has(const std::string& key) { return store_->check({key}); }

std::string TcpStore::get(const std::string& key) {
  const std::vector<std::uint8_t> value = store_->get(key);
  return {value.begin(), value.end()};
}

std::int64_t TcpStore::add(const std::string& key, std::int64_t amount) { return store_->add(key, amount); }

std::string TcpStore::set_once(const std::string& key, const std::string& value) {
  const std::vector<std::uint8_t> there = store_->compareSet(key, {}, bytes_of(value));
  return {there.begin(), there.end()};
}

std::string reason_of(const std::exception& error) {
  const auto* ours = dynamic_cast<const c10::Error*>(&error);
  std::string text = ours != nullptr ? ours->what_without_backtrace() : error.what();
  text = text.substr(0, text.find('\n'));
  // Gloo says "[/pytorch/third_party/gloo/pair.cc:547] Connection closed by peer [10.0.0.2]:4711. This is
  // typically caused by a remote worker crashing. ...".
  text = text.substr(0, text.find(". This is typically"));
  const std::size_t end =
      text.starts_with("[/") || text.starts_with("[..") ? text.find("] ") : std::string::npos;
  return end == std::string::npos ? text : text.substr(end + 2);
}

}  // namespace torch_tl
