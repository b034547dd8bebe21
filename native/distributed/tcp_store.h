#pragma once

#include <chrono>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "distributed/store.h"

namespace torch_tl {

/** A connection to LibTorch's TCPStore, and for the rank that hosts it the store itself. */
class TcpStore final : public Store {
 public:
  struct Options {
    std::string address;
    int port = 0;
    /** Whether this connection opens the store that it connects to. */
    bool hosts = false;
    /** A socket that listens there already, for the connection that hosts; -1 if there is none. */
    int listening_socket = -1;
    /** Of all keys. */
    std::string prefix;
    /** How long LibTorch tries to connect, and waits for a key. It may take several times as long. */
    std::chrono::milliseconds timeout{};
  };
  /** Throws c10::Error where nobody listens there, or, if it hosts, where the port cannot be listened on. */
  explicit TcpStore(const Options& options);

  void set(const std::string& key, const std::string& value) override;
  bool has(const std::string& key) override;
  std::string get(const std::string& key) override;
  std::int64_t add(const std::string& key, std::int64_t amount) override;
  std::string set_once(const std::string& key, const std::string& value) override;

  /** The same keys, for LibTorch's own use. */
  const c10::intrusive_ptr<c10d::Store>& c10d() const { return store_; }

 private:
  c10::intrusive_ptr<c10d::Store> store_;
};

/** First line of what LibTorch or Gloo says, without where in their sources it says it. */
std::string reason_of(const std::exception& error);

}  // namespace torch_tl
