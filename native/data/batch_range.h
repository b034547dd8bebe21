#pragma once

#include <cstdint>

namespace torch_tl {

/** Positions [begin, end) of a batch in an epoch's order. */
struct BatchRange {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t size() const { return end - begin; }
};

}  // namespace torch_tl
