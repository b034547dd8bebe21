#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <thread>
#include <utility>

namespace torch_tl {

using Deadline = std::chrono::steady_clock::time_point;

/**
 * Runs work that may never return on a thread of its own, which nothing joins. Requests to the store are such
 * work: with the network cut, they wait for an answer without a limit. The work must own everything that it
 * uses.
 */
template <typename Work>
auto start_detached(Work work) {
  std::packaged_task<decltype(work())()> task(std::move(work));
  auto result = task.get_future();
  std::thread(std::move(task)).detach();
  return result;
}

/** Waits for a result; false if the deadline passes first. Calls `check`, which may throw, several times a
 * second. */
template <typename Result>
bool ready_before(
    const std::future<Result>& result, Deadline deadline, const std::function<void()>& check = [] {}) {
  constexpr std::chrono::milliseconds kSlice{100};
  while (true) {
    check();
    const Deadline now = std::chrono::steady_clock::now();
    const Deadline next = std::min(now + kSlice, deadline);
    if (result.wait_until(next) == std::future_status::ready) return true;
    if (next == deadline) return false;
  }
}

}  // namespace torch_tl
