#pragma once

#include <cstddef>
#include <limits>

namespace torch_tl {

/** What this process may still take of the machine's memory. */
struct AvailableMemory {
  static constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

  /** Bytes that can be had before something else must give way, by the machine and every control group. */
  std::size_t bytes = kUnknown;
  /** Bytes after which the kernel ends a process of this control group, whatever the machine has; unknown
   * without one. */
  std::size_t allowed = kUnknown;
  /** Of those who say, the fewest bytes that there are in all. */
  std::size_t total = kUnknown;
};

/**
 * Reads it: some ten microseconds on Linux, a hundred inside control groups with limits. Elsewhere nothing is
 * known: there an allocation fails when memory is short, or what is not in use goes to the disk.
 */
AvailableMemory read_available_memory();

}  // namespace torch_tl
