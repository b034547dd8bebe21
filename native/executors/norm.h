#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "executors/norm_tensors.h"
#include "kernels/kernels.h"

namespace torch_tl {

/* What a batch norm comes to, channel by channel. Tensors are float32 [channels], contiguous. */

/** x * scale + shift */
struct ScaleAndShift {
  at::Tensor scale;
  at::Tensor shift;
};

/** Two sums a channel: of float32 values over some rows in float32, over all rows in float64. */
class ChannelSums {
 public:
  explicit ChannelSums(std::int64_t channels) : partial_(2 * channels), totals_(2 * channels) {}

  /** Where the kernels add to the sums; to be flushed after some rows. */
  float* first() { return partial_.data(); }
  float* second() { return partial_.data() + partial_.size() / 2; }
  void flush();
  void add(const ChannelSums& other);
  /** float64 [2, channels] */
  at::Tensor totals() const;

 private:
  std::vector<float> partial_;
  std::vector<double> totals_;
};

/** What a norm normalises by: mean and variance over a batch, or its running ones. */
struct NormStatistics {
  at::Tensor mean;
  at::Tensor variance;
  at::Tensor inverse_std;

  NormStatistics(at::Tensor mean, at::Tensor variance);
  /** From the sums of x - pivot and of its square over so many rows. */
  NormStatistics(const at::Tensor& sums, const at::Tensor& pivot, std::int64_t rows);
  NormStatistics narrow(std::int64_t begin, std::int64_t channels) const;
  /** Those of two groups of channels, one after the other. */
  void append(const NormStatistics& more);
};

/** The norm in evaluation mode. */
ScaleAndShift evaluated(const NormTensors& norm);
/** The norm in training. */
ScaleAndShift trained(const at::Tensor& weight, const at::Tensor& bias, const NormStatistics& statistics);
/**
 * What the norm normalises by in training: the statistics of a batch of so many rows, towards which its
 * running ones move. A frozen norm, whose weight needs no gradient, takes its running ones, which stand
 * still.
 */
NormStatistics in_training(const NormTensors& norm, const NormStatistics& batch, std::int64_t rows);

/** The gradients of a norm's parameters, and the sums that the gradient of its input needs. */
struct NormSums {
  at::Tensor weight;
  at::Tensor bias;
  at::Tensor through_statistics;  // of dy * scale, and of that times the normalised x; float64 [2, channels]

  /** From the sums of dy and of dy * (x - mean). Nothing goes through a frozen norm's statistics. */
  NormSums(const ChannelSums& sums, const ScaleAndShift& norm, const NormStatistics& statistics, bool trains);
};

/** A norm and the ReLU behind it, a row of channels at a time. */
class NormRelu {
 public:
  explicit NormRelu(ScaleAndShift norm)
      : norm_(std::move(norm)),
        scale_(norm_.scale.const_data_ptr<float>()),
        shift_(norm_.shift.const_data_ptr<float>()),
        channels_(norm_.scale.size(0)) {}

  std::int64_t channels() const { return channels_; }
  void run(const float* x, float* y) const { kernels().scale_shift_relu(x, scale_, shift_, channels_, y); }
  void run(const float* x, Bfloat16* y) const {
    kernels().scale_shift_relu_bf16(x, scale_, shift_, channels_, y);
  }
  /** The mean over four rows, `right` and `down` values apart. */
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

/** The gradient of a norm's input, a row of channels at a time. */
class NormGradient {
 public:
  /** `through_statistics` are NormSums', over so many rows: what dy does through the mean and the variance.
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
