#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "memory/caching_allocator.h"
#include "threads.h"

namespace torch_tl {
namespace {

constexpr int kTurns = 400;
/** From blocks that malloc serves to blocks of huge pages. */
constexpr std::int64_t kLargest = std::int64_t{1} << 20;

struct Filled {
  at::Tensor tensor;
  float value = 0;
  bool whole() const {
    const auto* values = tensor.const_data_ptr<float>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
      if (values[i] != value) return false;
    }
    return true;
  }
};

/** Tensors on their way from one thread to another. */
class Exchange {
 public:
  Filled swap(Filled mine, std::size_t place) {
    const std::lock_guard lock(mutex_);
    std::swap(places_.at(place % places_.size()), mine);
    return mine;
  }

 private:
  std::mutex mutex_;
  std::vector<Filled> places_ = std::vector<Filled>(8);
};

/** Whether every tensor that this thread receives still holds what another thread wrote. */
bool keeps_values(Exchange& exchange, unsigned seed) {
  std::mt19937 random(seed);
  for (int turn = 0; turn < kTurns; ++turn) {
    const auto value = static_cast<float>(random() % 1000);
    // Sizes of all magnitudes.
    const std::int64_t size = 1 + (kLargest >> random() % 20);
    const Filled other = exchange.swap({at::full({size}, value), value}, random());
    if (other.tensor.defined() && !other.whole()) return false;
    if (turn % 50 == 49) trim_cached_blocks(std::size_t{1} << 20);
  }
  return true;
}

}  // namespace

const char* fault_of_allocator() {
  Exchange exchange;
  std::vector<char> kept(kThreads, 0);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&exchange, &kept, i] { kept[i] = keeps_values(exchange, i) ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  for (const char is_kept : kept) {
    if (is_kept == 0) return "a tensor changed while another thread had it";
  }
  return nullptr;
}

}  // namespace torch_tl
