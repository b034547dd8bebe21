#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "executors/layer_tensors.h"
#include "kernels/kernels.h"

namespace torch_tl {

/* Batch norm per channel, for the executors. Tensors are float32 [channels], contiguous, unless noted. */

/** y = x * scale + shift */
struct ScaleAndShift {
  at::Tensor scale;
  at::Tensor shift;
};

/** Two sums per channel, accumulated over a few rows in float32 and over all rows in float64. */
class ChannelSums {
 public:
  explicit ChannelSums(std::int64_t channels) : partial_(2 * channels), totals_(2 * channels) {}

  /** The float32 sums that kernels add to; call `flush` after a few rows. */
  float* first() { return partial_.data(); }
  float* second() { return partial_.data() + partial_.size() / 2; }
  /** Adds the float32 sums to the float64 ones and sets them to 0. */
  void flush();
  /** Adds x - pivot and its square over `count` rows x, `stride` values apart, then flushes. */
  void add_moments(const float* rows, std::int64_t stride, std::int64_t count, const float* pivot);
  void add(const ChannelSums& other);
  /** float64 [2, channels] */
  at::Tensor totals() const;

 private:
  std::vector<float> partial_;
  std::vector<double> totals_;
};

/** The total of the sums that each worker has, which `sums_of` gives. */
template <typename Worker, typename SumsOf = std::identity>
ChannelSums total_of(const std::vector<Worker>& workers, std::int64_t channels, SumsOf sums_of = {}) {
  ChannelSums total(channels);
  for (const Worker& worker : workers) total.add(std::invoke(sums_of, worker));
  return total;
}

/** The mean and variance by which a norm normalises: those of a batch, or its running ones. */
struct NormStatistics {
  at::Tensor mean;
  at::Tensor variance;
  at::Tensor inverse_std;  // 1 / sqrt(variance + epsilon)

  NormStatistics() = default;
  NormStatistics(at::Tensor mean, at::Tensor variance);
  /** From sums over `rows` values x per channel: of x - pivot and of its square, float64 [2, channels]. */
  NormStatistics(const at::Tensor& sums, const at::Tensor& pivot, std::int64_t rows);
  NormStatistics narrow(std::int64_t begin, std::int64_t channels) const;
  /** Appends the statistics of further channels. */
  void append(const NormStatistics& more);

  template <typename Visit>
  void each_tensor(Visit& visit) {
    visit(mean);
    visit(variance);
    visit(inverse_std);
  }
};

/** The norm in evaluation mode, by its running statistics. */
ScaleAndShift evaluated(const NormTensors& norm);
/** The norm by the given statistics. */
ScaleAndShift normalised(const at::Tensor& weight, const at::Tensor& bias, const NormStatistics& statistics);
/**
 * The statistics by which the norm normalises in training. A norm that trains takes those of the batch, which
 * has `rows` values per channel, and moves its running statistics towards them. A frozen norm, whose weight
 * needs no gradient, takes its running statistics and leaves them as they are.
 */
NormStatistics training_statistics(const NormTensors& norm, const NormStatistics& batch, std::int64_t rows);

/** The gradients of a norm's parameters, and two sums that the gradient of its input needs. */
struct NormSums {
  at::Tensor weight;
  at::Tensor bias;
  /** Sums of dy * scale and of dy * scale * (normalised x), float64 [2, channels]: 0 for a frozen norm. */
  at::Tensor through_statistics;

  /** From the sums of dy and of dy * (x - mean). */
  NormSums(const ChannelSums& sums, const ScaleAndShift& norm, const NormStatistics& statistics, bool trains);
};

/** A norm and the ReLU behind it, applied to rows of one value per channel. */
class NormRelu {
 public:
  explicit NormRelu(ScaleAndShift norm)
      : norm_(std::move(norm)),
        scale_(norm_.scale.const_data_ptr<float>()),
        shift_(norm_.shift.const_data_ptr<float>()),
        channels_(norm_.scale.size(0)) {}

  std::int64_t channels() const { return channels_; }
  /** One row x to one row y. */
  void run(const float* x, float* y) const { kernels().scale_shift_relu(x, scale_, shift_, channels_, y); }
  void run(const float* x, Bfloat16* y) const {
    kernels().scale_shift_relu_bf16(x, scale_, shift_, channels_, y);
  }
  /** `count` rows x, `stride` values apart, to y [count, channels]. */
  template <typename Value>
  void run(const float* x, std::int64_t stride, std::int64_t count, Value* y) const {
    for (std::int64_t row = 0; row < count; ++row) run(x + row * stride, y + row * channels_);
  }
  /** The mean over four rows, `right` and `down` values apart, after norm and ReLU. */
  void pool(const float* x, std::int64_t right, std::int64_t down, float* y) const {
    kernels().pooled_scale_shift_relu(x, right, down, scale_, shift_, channels_, y);
  }
  void pool(const float* x, std::int64_t right, std::int64_t down, Bfloat16* y) const {
    kernels().pooled_scale_shift_relu_bf16(x, right, down, scale_, shift_, channels_, y);
  }

 private:
  ScaleAndShift norm_;
  const float* scale_;
  const float* shift_;
  std::int64_t channels_;
};

/** The gradient of a norm's input, one row of channels at a time. */
class NormGradient {
 public:
  /**
   * `through_statistics` is that of NormSums, over `rows` values per channel: the part of the gradient that
   * goes through mean and variance.
   */
  NormGradient(const at::Tensor& scale, const NormStatistics& statistics,
               const at::Tensor& through_statistics, std::int64_t rows);
  /** dx = dy * scale - shift - (x - mean) * slope */
  void run(const float* dy, const float* x, float* dx) const {
    kernels().norm_gradient(dy, x, values_, values_ + channels_, values_ + 2 * channels_,
                            values_ + 3 * channels_, channels_, dx);
  }

 private:
  at::Tensor factors_;  // scale, shift, mean, slope: [4, channels]
  const float* values_;
  std::int64_t channels_;
};

}  // namespace torch_tl
