#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>

#include "executors/packed.h"
#include "kernels/kernels.h"

namespace torch_tl {

/** Accumulates a^T b over the rows of a and b, a few rows at a time: the gradient of a product's weight. */
class OuterSum {
 public:
  /** `rows`, which is even, is the largest number of rows in one call of `add`. */
  OuterSum(std::int64_t rows, std::int64_t in, std::int64_t out, at::ScalarType precision)
      : sum_(at::zeros({in, out})) {
    if (precision != at::kBFloat16) return;
    a_pairs_ = at::empty({rows * in}, precision);
    b_pairs_ = at::empty({rows * out}, precision);
  }

  /** Adds the product of a [rows, in] and b [rows, out]. */
  void add(const float* a, const float* b, std::int64_t rows) const {
    const std::int64_t in = sum_.size(0);
    const std::int64_t out = sum_.size(1);
    auto* sum = sum_.data_ptr<float>();
    if (!a_pairs_.defined()) {
      for (std::int64_t panel = 0; panel < out; panel += kPanel) {
        kernels().accumulate_outer(a, in, in, b + panel, out, rows, sum + panel, out);
      }
      return;
    }
    pair(a, in, rows, bits_of(a_pairs_));
    pair(b, out, rows, bits_of(b_pairs_));
    for (std::int64_t panel = 0; panel < out; panel += kPanel) {
      kernels().accumulate_outer_bf16(bits_of(a_pairs_), 2 * in, in, bits_of(b_pairs_) + 2 * panel, 2 * out,
                                      rows + rows % 2, sum + panel, out);
    }
  }

  /** [in, out] */
  const at::Tensor& sum() const { return sum_; }

 private:
  /** Interleaves rows two by two, rounded to bfloat16. */
  static void pair(const float* rows, std::int64_t channels, std::int64_t count, Bfloat16* pairs) {
    for (std::int64_t row = 0; row < count - 1; row += 2) {
      kernels().pair_bf16(rows + row * channels, rows + (row + 1) * channels, channels,
                          pairs + row * channels);
    }
    if (count % 2 == 0) return;
    // The last row has no partner: pair it with zeros.
    const float* last = rows + (count - 1) * channels;
    const at::Tensor zeros = at::zeros({channels});
    kernels().pair_bf16(last, zeros.const_data_ptr<float>(), channels, pairs + (count - 1) * channels);
  }

  at::Tensor sum_;
  at::Tensor a_pairs_;  // [rows / 2][in][2]
  at::Tensor b_pairs_;  // [rows / 2][out][2]
};

}  // namespace torch_tl
