#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>

#include "executors/norm.h"
#include "executors/packed.h"
#include "kernels/kernels.h"

namespace torch_tl {

/** A buffer of rows on their way into a product, in the precision of the product. For one thread. */
class StagedRows {
 public:
  /** Holds up to `values` values. */
  StagedRows(std::int64_t values, at::ScalarType precision)
      : values_(at::empty({values}, precision)),
        float32_(precision == at::kFloat ? values_.data_ptr<float>() : nullptr),
        bfloat16_(precision == at::kBFloat16 ? bits_of(values_) : nullptr) {}

  /** Fills the first `count` rows with norm and ReLU of rows x, `stride` values apart. */
  void run(const NormRelu& norm, const float* x, std::int64_t stride, std::int64_t count) const {
    float32_ != nullptr ? norm.run(x, stride, count, float32_) : norm.run(x, stride, count, bfloat16_);
  }
  /** Fills row `row` with the mean over four pixels, `right` and `down` values apart, after norm and ReLU. */
  void pool(const NormRelu& norm, const float* x, std::int64_t right, std::int64_t down,
            std::int64_t row) const {
    const std::int64_t begin = row * norm.channels();
    float32_ != nullptr ? norm.pool(x, right, down, float32_ + begin)
                        : norm.pool(x, right, down, bfloat16_ + begin);
  }
  /** Copies `values` values, rounding them to the precision. */
  void copy(const float* x, std::int64_t values) const {
    float32_ != nullptr ? static_cast<void>(std::copy_n(x, values, float32_))
                        : kernels().round_bf16(x, values, bfloat16_);
  }
  /** The rows, if they are float32. */
  const float* float32() const { return float32_; }
  /** c = the first `rows` rows * the matrix in `panels`; computes the columns of the `wanted` panels only. */
  void multiply(const at::Tensor& panels, Range wanted, std::int64_t rows, float* c) const {
    float32_ != nullptr ? torch_tl::multiply(float32_, panels, wanted, rows, c)
                        : torch_tl::multiply(bfloat16_, panels, wanted, rows, c);
  }
  void multiply(const at::Tensor& panels, std::int64_t rows, float* c) const {
    multiply(panels, {0, panels.size(0)}, rows, c);
  }

 private:
  at::Tensor values_;
  float* float32_;
  Bfloat16* bfloat16_;
};

}  // namespace torch_tl
