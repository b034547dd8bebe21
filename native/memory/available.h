#pragma once

#include <cstddef>
#include <limits>

namespace torch_tl {

/** How much more memory this process can take. */
struct AvailableMemory {
  static constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

  /** Bytes available without displacing anything, in the machine and in every control group. */
  std::size_t bytes = kUnknown;
  /** Bytes after which the kernel kills a process of the control group; unknown without a control group. */
  std::size_t allowed = kUnknown;
  /** Total bytes of the machine or of the smallest control group. */
  std::size_t total = kUnknown;
};

/**
 * Reads the available memory. Takes some ten microseconds on Linux, a hundred inside control groups with
 * limits. On other systems all is unknown: there an allocation fails when memory is short, or the system
 * swaps.
 */
AvailableMemory read_available_memory();

}  // namespace torch_tl
