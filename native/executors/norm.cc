#include "executors/norm.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <utility>

namespace torch_tl {

void ChannelSums::flush() {
  for (std::size_t i = 0; i < totals_.size(); ++i) totals_[i] += partial_[i];
  std::ranges::fill(partial_, 0.0F);
}

void ChannelSums::add_moments(const float* rows, std::int64_t stride, std::int64_t count,
                              const float* pivot) {
  const auto channels = static_cast<std::int64_t>(partial_.size() / 2);
  for (std::int64_t row = 0; row < count; ++row) {
    kernels().add_moments(rows + row * stride, pivot, channels, first(), second());
  }
  flush();
}

void ChannelSums::add(const ChannelSums& other) {
  for (std::size_t i = 0; i < totals_.size(); ++i) totals_[i] += other.totals_[i];
}

at::Tensor ChannelSums::totals() const {
  at::Tensor totals = at::empty({2, static_cast<std::int64_t>(totals_.size() / 2)}, at::kDouble);
  std::ranges::copy(totals_, totals.data_ptr<double>());
  return totals;
}

NormStatistics::NormStatistics(at::Tensor mean_, at::Tensor variance_)
    : mean(std::move(mean_)),
      variance(std::move(variance_)),
      inverse_std(variance.add(kBatchNormEpsilon).rsqrt()) {}

NormStatistics::NormStatistics(const at::Tensor& sums, const at::Tensor& pivot, std::int64_t rows)
    : NormStatistics(sums[0].div(rows).add(pivot).to(at::kFloat),
                     sums[1].div(rows).sub(sums[0].div(rows).square()).clamp_min(0).to(at::kFloat)) {}

NormStatistics NormStatistics::narrow(std::int64_t begin, std::int64_t channels) const {
  NormStatistics part = *this;
  for (at::Tensor* tensor : {&part.mean, &part.variance, &part.inverse_std}) {
    *tensor = tensor->narrow(0, begin, channels);
  }
  return part;
}

void NormStatistics::append(const NormStatistics& more) {
  mean = at::cat({mean, more.mean});
  variance = at::cat({variance, more.variance});
  inverse_std = at::cat({inverse_std, more.inverse_std});
}

ScaleAndShift evaluated(const NormTensors& norm) {
  const at::NoGradGuard no_grad;
  const at::Tensor scale = norm.weight.div(norm.running_var.add(kBatchNormEpsilon).sqrt());
  return {scale, norm.bias.sub(norm.running_mean.mul(scale))};
}

ScaleAndShift normalised(const at::Tensor& weight, const at::Tensor& bias, const NormStatistics& statistics) {
  const at::Tensor scale = weight.mul(statistics.inverse_std);
  return {scale, bias.sub(statistics.mean.mul(scale))};
}

NormStatistics training_statistics(const NormTensors& norm, const NormStatistics& batch, std::int64_t rows) {
  if (!norm.weight.requires_grad()) return {norm.running_mean, norm.running_var};
  const double unbiased = static_cast<double>(rows) / static_cast<double>(rows - 1);
  // These share their memory with the layer's tensors.
  at::Tensor mean = norm.running_mean;
  at::Tensor variance = norm.running_var;
  at::Tensor batches = norm.num_batches_tracked;
  mean.mul_(1 - kBatchNormMomentum).add_(batch.mean, kBatchNormMomentum);
  variance.mul_(1 - kBatchNormMomentum).add_(batch.variance, kBatchNormMomentum * unbiased);
  batches.add_(1);
  return batch;
}

NormSums::NormSums(const ChannelSums& sums, const ScaleAndShift& norm, const NormStatistics& statistics,
                   bool trains) {
  const at::Tensor totals = sums.totals();
  totals[1].mul_(statistics.inverse_std);
  weight = totals[1].to(at::kFloat);
  bias = totals[0].to(at::kFloat);
  through_statistics = trains ? totals.mul(norm.scale) : at::zeros_like(totals);
}

NormGradient::NormGradient(const at::Tensor& scale, const NormStatistics& statistics,
                           const at::Tensor& through_statistics, std::int64_t rows)
    : factors_(at::stack({scale, through_statistics[0].div(rows).to(at::kFloat), statistics.mean,
                          through_statistics[1].div(rows).to(at::kFloat).mul(statistics.inverse_std)})),
      values_(factors_.const_data_ptr<float>()),
      channels_(scale.size(0)) {}

}  // namespace torch_tl
