#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace torch_tl {

/** A part of something that is numbered from 0. */
struct Range {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t size() const { return end - begin; }
};

/** The i-th of so many parts of `whole`, as even as can be. */
inline Range part_of(std::int64_t whole, std::int64_t i, std::int64_t parts) {
  return {whole * i / parts, whole * (i + 1) / parts};
}

/** Parts of `whole` that are as even as can be, of at most `largest`, and as many for each thread. */
class EvenParts {
 public:
  EvenParts(std::int64_t whole, std::int64_t largest)
      : whole_(whole), count_(std::min(whole, in_turns(at::divup(whole, largest)))) {}

  std::int64_t count() const { return count_; }
  /** The size of the largest. */
  std::int64_t largest() const { return at::divup(whole_, count_); }
  Range operator[](std::int64_t i) const { return part_of(whole_, i, count_); }

  /** So many, or as many more as give each thread the same number. */
  static std::int64_t in_turns(std::int64_t parts) {
    const std::int64_t threads = at::get_num_threads();
    return at::divup(parts, threads) * threads;
  }

 private:
  std::int64_t whole_;
  std::int64_t count_;
};

}  // namespace torch_tl
