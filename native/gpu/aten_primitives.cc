#include "gpu/aten_primitives.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/avg_pool2d_backward.h>
#include <ATen/ops/max_pool2d_with_indices.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <tuple>

namespace torch_tl::gpu {
namespace {

constexpr std::array<std::int64_t, 2> kAverageSide{2, 2};
constexpr std::array<std::int64_t, 2> kMaximumSide{3, 3};
constexpr std::array<std::int64_t, 2> kMaximumStride{2, 2};
constexpr std::array<std::int64_t, 2> kMaximumPadding{1, 1};

/** Rows as maps [n, channels, height, width], channels last, in float32. */
at::Tensor float_maps_of(const MapShape& shape, const at::Tensor& rows) {
  return rows.to(at::kFloat)
      .contiguous()
      .view({shape.images, shape.height, shape.width, rows.size(1)})
      .permute({0, 3, 1, 2});
}

/** Maps as rows. */
at::Tensor contiguous_rows_of(const at::Tensor& maps) {
  return maps.permute({0, 2, 3, 1}).reshape({-1, maps.size(1)});
}

void assign(const at::Tensor& target, const at::Tensor& values) {
  if (target.defined()) at::Tensor(target).copy_(values);
}

at::Tensor normalised(const at::Tensor& x, const at::Tensor& norm) {
  return x.to(at::kFloat).sub(norm[kMean]).mul_(norm[kInverseStd]);
}

at::Tensor scaled_and_shifted(const at::Tensor& x, const at::Tensor& norm) {
  return x.to(at::kFloat).mul(norm[kScale]).add_(norm[kShift]);
}

at::Tensor rectified(const at::Tensor& x) { return at::where(x.lt(0), at::zeros({}, x.options()), x); }

at::Tensor activated(const at::Tensor& x, const at::Tensor& norm) {
  return rectified(scaled_and_shifted(x, norm));
}

/** dy, rows in float32, where the ReLU lets it through. */
at::Tensor passed(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm) {
  const at::Tensor wide = dy.to(at::kFloat);
  return at::where(scaled_and_shifted(x, norm).le(0), at::zeros({}, wide.options()), wide);
}

/** The sums over rows that dy, which passed, gives. */
at::Tensor sums_of(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm) {
  return at::stack({dy.sum(0), dy.mul(normalised(x, norm)).sum(0)});
}

at::Tensor differentiated(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                          const at::Tensor& sums) {
  if (!sums.defined()) return dy.mul(norm[kScale]);
  const auto rows = static_cast<double>(x.size(0));
  return dy.sub(sums[0].div(rows)).sub_(normalised(x, norm).mul_(sums[1].div(rows))).mul_(norm[kScale]);
}

void add_moments_gradient(const at::Tensor& norm, const at::Tensor& sums, const at::Tensor& of_moments) {
  if (!of_moments.defined()) return;
  const at::Tensor of_mean = sums[0].mul(norm[kScale]).neg();
  const at::Tensor of_variance = sums[1].mul(norm[kScale]).mul_(norm[kInverseStd]).mul_(-0.5);
  at::Tensor(of_moments).add_(at::stack({of_mean, of_variance}));
}

/**
 * The gradient of the ReLU's output, rows of this shape, from that of their maximum: each value goes to its
 * place.
 */
at::Tensor spread_maximum(const MapShape& shape, const at::Tensor& dy, const at::Tensor& places) {
  const std::int64_t height = (shape.height + 1) / 2;
  const std::int64_t width = (shape.width + 1) / 2;
  const MapShape pooled{shape.images, height, width};
  const at::Tensor gradient = float_maps_of(pooled, dy);
  const at::Tensor place = places.view({shape.images, height, width, places.size(1)}).permute({0, 3, 1, 2});
  // With a line of padding above and on the left, and enough below and on the right.
  at::Tensor padded =
      at::zeros({shape.images, dy.size(1), 2 * height + 1, 2 * width + 1}, gradient.options());
  for (std::int64_t i = 0; i < kNoPlace; ++i) {
    at::Tensor seen =
        padded.slice(2, i / 3, i / 3 + 2 * height - 1, 2).slice(3, i % 3, i % 3 + 2 * width - 1, 2);
    seen.add_(gradient.mul(place.eq(i)));
  }
  return contiguous_rows_of(padded.slice(2, 1, shape.height + 1).slice(3, 1, shape.width + 1));
}

}  // namespace

void AtenPrimitives::pack(const std::vector<PackTask>& tasks) const {
  for (const PackTask& task : tasks) {
    at::Tensor value = task.weight.detach();
    if (task.scale.defined()) {
      std::vector<std::int64_t> by_channel(value.dim(), 1);
      by_channel[0] = -1;
      value = value.mul(task.scale.view(by_channel));
    }
    assign(task.target, value);
  }
}

void AtenPrimitives::prepare(const std::vector<NormTask>& tasks) const {
  const at::NoGradGuard no_grad;
  for (const NormTask& task : tasks) {
    const NormTensors& norm = task.norm;
    at::Tensor mean = norm.running_mean;
    at::Tensor variance = norm.running_var;
    if (task.moments.defined()) {
      const double unbiased = static_cast<double>(task.rows) / static_cast<double>(task.rows - 1);
      at::Tensor batches = norm.num_batches_tracked;
      mean.mul_(1 - kBatchNormMomentum).add_(task.moments[0], kBatchNormMomentum);
      variance.mul_(1 - kBatchNormMomentum).add_(task.moments[1], kBatchNormMomentum * unbiased);
      batches.add_(1);
      mean = task.moments[0];
      variance = task.moments[1];
    }
    const at::Tensor inverse_std = variance.add(kBatchNormEpsilon).rsqrt_();
    const at::Tensor scale = norm.weight.mul(inverse_std);
    assign(task.result, at::stack({scale, norm.bias.sub(mean.mul(scale)), mean, inverse_std}));
  }
}

void AtenPrimitives::place(const at::Tensor& x, const at::Tensor& y, const at::Tensor& moments) const {
  assign(y, x);
  if (!moments.defined()) return;
  const at::Tensor wide = x.to(at::kFloat);
  assign(moments, at::stack({wide.mean(0), wide.var(0, /*unbiased=*/false)}));
}

void AtenPrimitives::scale_shift_relu(const at::Tensor& x, const at::Tensor& norm,
                                      const at::Tensor& y) const {
  assign(y, activated(x, norm));
}

void AtenPrimitives::average(const MapShape& shape, const at::Tensor& x, const at::Tensor& norm,
                             const at::Tensor& y) const {
  assign(y, contiguous_rows_of(
                at::avg_pool2d(float_maps_of(shape, activated(x, norm)), kAverageSide, kAverageSide)));
}

void AtenPrimitives::maximum(const MapShape& shape, const at::Tensor& x, const at::Tensor& norm,
                             const at::Tensor& y, const at::Tensor& places) const {
  const auto [values, indices] = at::max_pool2d_with_indices(float_maps_of(shape, activated(x, norm)),
                                                             kMaximumSide, kMaximumStride, kMaximumPadding);
  assign(y, contiguous_rows_of(values));
  if (!places.defined()) return;
  // An index counts pixels of the image; the window's first pixel is one up and one left of twice its place.
  const auto options = indices.options();
  const at::Tensor line = at::arange(values.size(2), options).mul_(2).sub_(1).view({-1, 1});
  const at::Tensor column = at::arange(values.size(3), options).mul_(2).sub_(1);
  const at::Tensor down = indices.div(shape.width, "floor").sub_(line);
  const at::Tensor right = indices.remainder(shape.width).sub_(column);
  const at::Tensor place = down.mul_(3).add_(right);
  assign(places, contiguous_rows_of(at::where(values.le(0), kNoPlace, place)));
}

void AtenPrimitives::sum_gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                                  const at::Tensor& sums) const {
  assign(sums, sums_of(passed(dy, x, norm), x, norm));
}

void AtenPrimitives::differentiate(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                                   const at::Tensor& sums, const at::Tensor& dx) const {
  assign(dx, differentiated(passed(dy, x, norm), x, norm, sums));
}

void AtenPrimitives::accumulate(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                                const at::Tensor& dx, const at::Tensor& sums,
                                const at::Tensor& of_moments) const {
  const at::Tensor passing = passed(dy, x, norm);
  assign(dx, passing.mul(norm[kScale]).add_(dx));
  assign(sums, sums_of(passing, x, norm));
  add_moments_gradient(norm, sums, of_moments);
}

void AtenPrimitives::average_gradient(const MapShape& shape, const at::Tensor& dy, const at::Tensor& x,
                                      const at::Tensor& norm, const at::Tensor& dx, const at::Tensor& sums,
                                      const at::Tensor& of_moments) const {
  const MapShape pooled{shape.images, shape.height / 2, shape.width / 2};
  const at::Tensor spread =
      at::avg_pool2d_backward(float_maps_of(pooled, dy), float_maps_of(shape, x), kAverageSide, kAverageSide,
                              /*padding=*/{0, 0}, /*ceil_mode=*/false, /*count_include_pad=*/true,
                              /*divisor_override=*/{});
  const at::Tensor passing = passed(contiguous_rows_of(spread), x, norm);
  assign(dx, passing.mul(norm[kScale]));
  assign(sums, sums_of(passing, x, norm));
  add_moments_gradient(norm, sums, of_moments);
}

void AtenPrimitives::sum_maximum_gradient(const MapShape& shape, const at::Tensor& dy,
                                          const at::Tensor& places, const at::Tensor& x,
                                          const at::Tensor& norm, const at::Tensor& sums) const {
  assign(sums, sums_of(spread_maximum(shape, dy, places), x, norm));
}

void AtenPrimitives::differentiate_maximum(const MapShape& shape, const at::Tensor& dy,
                                           const at::Tensor& places, const at::Tensor& x,
                                           const at::Tensor& norm, const at::Tensor& sums,
                                           const at::Tensor& dx) const {
  assign(dx, differentiated(spread_maximum(shape, dy, places), x, norm, sums));
}

void AtenPrimitives::add_through_moments(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& moments,
                                         const at::Tensor& of_moments, const at::Tensor& dx) const {
  const auto rows = static_cast<double>(x.size(0));
  const at::Tensor centred = x.to(at::kFloat).sub(moments[0]);
  assign(dx, centred.mul_(of_moments[1].mul(2 / rows)).add_(of_moments[0].div(rows)).add_(dy));
}

}  // namespace torch_tl::gpu
