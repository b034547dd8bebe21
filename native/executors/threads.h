#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace torch_tl {

/**
 * Calls `run(worker, i)` for every i of [0, count) on all threads. Each thread has a worker of its own, which
 * `make` makes. Returns the workers, in an order that depends on the number of threads alone.
 */
template <typename Make, typename Run>
auto on_threads(std::int64_t count, Make make, Run run) {
  using Worker = decltype(make());
  std::vector<std::optional<Worker>> slots(at::get_num_threads());
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    Worker& worker = slots.at(at::get_thread_num()).emplace(make());
    for (std::int64_t i = begin; i < end; ++i) run(worker, i);
  });
  std::vector<Worker> workers;
  for (std::optional<Worker>& slot : slots) {
    if (slot) workers.push_back(std::move(*slot));
  }
  return workers;
}

/** Computes `make(i)` for every i of [0, count) on all threads, without gradients; returns the results. */
template <typename Make>
auto all_on_threads(std::int64_t count, Make make) {
  std::vector<decltype(make(count))> results(count);
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_grad;
    for (std::int64_t i = begin; i < end; ++i) results[i] = make(i);
  });
  return results;
}

}  // namespace torch_tl
