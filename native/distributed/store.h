#pragma once

#include <cstdint>
#include <string>

namespace torch_tl {

/**
 * Keys and values that all ranks share, in one process that hosts them. A call throws where the host does not
 * answer, or may wait for it without a limit: see start_detached. Calls may come from any thread, and wait
 * for each other.
 */
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  Store(Store&&) = delete;
  Store& operator=(Store&&) = delete;
  virtual ~Store() = default;

  virtual void set(const std::string& key, const std::string& value) = 0;
  virtual bool has(const std::string& key) = 0;
  /** Waits for the key where it is not there yet. */
  virtual std::string get(const std::string& key) = 0;
  /** Adds to a count that begins at 0; returns the new count. A count is no value for `get`. */
  virtual std::int64_t add(const std::string& key, std::int64_t amount) = 0;
  /** Sets the value where there is none yet; returns the one that is there then. */
  virtual std::string set_once(const std::string& key, const std::string& value) = 0;
};

}  // namespace torch_tl
