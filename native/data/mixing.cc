#include "data/mixing.h"

#include <ATen/ops/_standard_gamma.h>
#include <ATen/ops/full.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/roll.h>

#include <algorithm>
#include <cmath>

#include "data/boxes.h"
#include "data/draws.h"

namespace torch_tl {
namespace {

double draw_beta(double alpha, at::Generator& generator) {
  const at::Tensor gammas = at::_standard_gamma(at::full({2}, alpha, at::kDouble), generator);
  const auto* values = gammas.const_data_ptr<double>();
  // For a small alpha both are below the smallest double and come out as that. One of them would still be
  // negligible beside the other, where their quotient would be a half.
  if (values[0] == values[1]) return draw_chance(0.5, generator) ? 1 : 0;
  return values[0] / (values[0] + values[1]);
}

at::Tensor partners(const at::Tensor& batch) { return at::roll(batch, /*shifts=*/1, /*dims=*/0); }

/** `share` of the image's own class, and the rest of its partner's class. */
at::Tensor mixed_targets(const at::Tensor& labels, std::int64_t classes, double share) {
  const at::Tensor targets = at::one_hot(labels, classes).to(at::kFloat);
  return at::lerp(partners(targets), targets, share);
}

/** A box of `share` of the image's area around a random pixel, cut off at the borders. */
Box draw_pasted_box(double share, std::int64_t height, std::int64_t width, at::Generator& generator) {
  const std::int64_t column = draw_integer(0, width, generator);
  const std::int64_t row = draw_integer(0, height, generator);
  const double half = 0.5 * std::sqrt(share);
  const auto half_width = static_cast<std::int64_t>(half * static_cast<double>(width));
  const auto half_height = static_cast<std::int64_t>(half * static_cast<double>(height));
  const std::int64_t left = std::max<std::int64_t>(0, column - half_width);
  const std::int64_t top = std::max<std::int64_t>(0, row - half_height);
  return {top, left, std::min(height, row + half_height) - top, std::min(width, column + half_width) - left};
}

}  // namespace

Batch mixup(const Batch& batch, std::int64_t classes, double alpha, at::Generator& generator) {
  const double share = draw_beta(alpha, generator);
  return {at::lerp(partners(batch.images), batch.images, share),
          mixed_targets(batch.targets, classes, share)};
}

Batch cutmix(const Batch& batch, std::int64_t classes, double alpha, at::Generator& generator) {
  const std::int64_t height = batch.images.size(2);
  const std::int64_t width = batch.images.size(3);
  const Box box = draw_pasted_box(1 - draw_beta(alpha, generator), height, width, generator);
  const at::Tensor part = batch.images.narrow(2, box.top, box.height).narrow(3, box.left, box.width);
  part.copy_(partners(part));
  const double pasted = static_cast<double>(box.height * box.width) / static_cast<double>(height * width);
  return {batch.images, mixed_targets(batch.targets, classes, 1 - pasted)};
}

}  // namespace torch_tl
