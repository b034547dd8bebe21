#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace torch_tl {

/** The indices from `begin` up to, but not including, `end`. */
struct Range {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t size() const { return end - begin; }
};

/** Part `i` of [0, whole) in `parts` parts, whose sizes differ by at most one. */
inline Range part_of(std::int64_t whole, std::int64_t i, std::int64_t parts) {
  return {whole * i / parts, whole * (i + 1) / parts};
}

/** The smallest multiple of the number of threads that is at least `parts`. */
inline std::int64_t multiple_of_threads(std::int64_t parts) {
  const std::int64_t threads = at::get_num_threads();
  return at::divup(parts, threads) * threads;
}

/**
 * Splits [0, whole) into ranges whose sizes differ by at most one and do not exceed `largest`. Every thread
 * gets the same number of ranges, unless `whole` is too small for that.
 */
class EvenRanges {
 public:
  EvenRanges(std::int64_t whole, std::int64_t largest)
      : whole_(whole), count_(std::min(whole, multiple_of_threads(at::divup(whole, largest)))) {}

  std::int64_t count() const { return count_; }
  /** Size of the largest range. */
  std::int64_t largest() const { return at::divup(whole_, count_); }
  Range operator[](std::int64_t i) const { return part_of(whole_, i, count_); }

 private:
  std::int64_t whole_;
  std::int64_t count_;
};

}  // namespace torch_tl
