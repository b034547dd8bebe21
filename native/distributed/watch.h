#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <string>

#include "distributed/detached.h"
#include "distributed/store.h"

namespace torch_tl {

/** Who this process is in its job, and which keys of the store say so. */
struct Place {
  int rank = 0;
  int size = 1;
  bool hosts_store = false;
  /** Where the store is, for messages: `node1:29500`. */
  std::string store;
};

/** Key that holds `process 4711 on node7`, the description of a rank for messages. */
std::string description_key(int rank);

/**
 * Finds out which rank was lost, and why. On a thread that only this does, every rank counts up a key of its
 * own once a second, and reads whether another one has failed; a rank whose count stands still has ended, is
 * stopped or cannot be reached. A rank that fails, or finds another one lost, says so in the store before it
 * leaves. Nothing here waits for the store longer than some seconds.
 */
class Watch {
 public:
  /** `beats` is a connection to the store of its own: a request on `store` may hang. */
  Watch(Place place, std::shared_ptr<Store> store, std::shared_ptr<Store> beats);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  Watch(Watch&&) = delete;
  Watch& operator=(Watch&&) = delete;
  ~Watch();

  /** Whether another rank has said that it failed, or that one was lost: no collective will end. */
  bool knows_failure() const { return *failed_; }
  /** Why a collective failed: names the rank and its reason. `symptom` is what LibTorch says. */
  std::string explain(const std::string& symptom);
  /** Tells the other ranks that this one fails, and why. */
  void tell(const std::string& reason) noexcept;

 private:
  /** Where this process hosts the store, keeps it until `readers` ranks have read why, for some seconds. */
  void linger(int readers) noexcept;

  Place place_;
  std::shared_ptr<Store> store_;
  std::shared_ptr<std::atomic<bool>> failed_ = std::make_shared<std::atomic<bool>>(false);
  /** Made when the counting is to end. */
  std::promise<void> stop_;
  std::future<void> counting_;
};

}  // namespace torch_tl
