#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>

#include "executors/norm.h"
#include "executors/packed.h"
#include "kernels/kernels.h"

namespace torch_tl {

/** Rows on their way from a norm and its ReLU into a product, in the precision of the product's panels. */
class StagedRows {
 public:
  /** For so many values in all. */
  StagedRows(std::int64_t values, at::ScalarType precision)
      : values_(at::empty({values}, precision)),
        float32_(precision == at::kFloat ? values_.data_ptr<float>() : nullptr),
        bfloat16_(precision == at::kBFloat16 ? bits_of(values_) : nullptr) {}

  /** Row `row` of what the norm makes of x. */
  void run(const NormRelu& norm, const float* x, std::int64_t row) const {
    const std::int64_t begin = row * norm.channels();
    float32_ != nullptr ? norm.run(x, float32_ + begin) : norm.run(x, bfloat16_ + begin);
  }
  /** The same of the mean over four pixels, `right` and `down` values apart. */
  void pool(const NormRelu& norm, const float* x, std::int64_t right, std::int64_t down,
            std::int64_t row) const {
    const std::int64_t begin = row * norm.channels();
    float32_ != nullptr ? norm.pool(x, right, down, float32_ + begin)
                        : norm.pool(x, right, down, bfloat16_ + begin);
  }
  /** So many values as they are. */
  void copy(const float* x, std::int64_t values) const {
    float32_ != nullptr ? static_cast<void>(std::copy_n(x, values, float32_))
                        : kernels().round_bf16(x, values, bfloat16_);
  }
  /** The rows of float32. */
  const float* float32() const { return float32_; }
  /** c = the first rows * the matrix that is in panels, of which some are wanted. */
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
