#include "data/resample.h"

#include <ATen/native/GridSamplerUtils.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/grid_sampler_2d.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include <algorithm>

#include "data/upload.h"

namespace torch_tl {
namespace {

/**
 * The places at which `side` pixels sample a box of `length` pixels from `begin` on, in an image of `size`
 * pixels, in coordinates from -1 at one border to 1 at the other.
 */
void write_positions(std::int64_t begin, std::int64_t length, std::int64_t size, std::int64_t side,
                     float* positions) {
  const auto first = static_cast<double>(begin);
  const double step = static_cast<double>(length) / static_cast<double>(side);
  for (std::int64_t i = 0; i < side; ++i) {
    const double pixel = first + (static_cast<double>(i) + 0.5) * step - 0.5;
    const double inside = std::clamp(pixel, first, first + static_cast<double>(length - 1));
    positions[i] = static_cast<float>((2 * inside + 1) / static_cast<double>(size) - 1);
  }
}

}  // namespace

at::Tensor resize(const at::Tensor& images, std::int64_t side) {
  if (images.size(2) == side && images.size(3) == side) return images;
  return at::upsample_bilinear2d(images, {side, side}, /*align_corners=*/false);
}

at::Tensor resize_boxes(const at::Tensor& images, const std::vector<Box>& boxes, std::int64_t side) {
  const auto count = static_cast<std::int64_t>(boxes.size());
  const at::Tensor positions = at::empty({2, count, side}, at::kFloat);
  auto* columns = positions.data_ptr<float>();
  float* rows = columns + count * side;
  for (const Box& box : boxes) {
    write_positions(box.left, box.width, images.size(3), side, columns);
    write_positions(box.top, box.height, images.size(2), side, rows);
    columns += side;
    rows += side;
  }
  const at::Tensor there = upload(positions, images.device());
  const at::Tensor grid = at::stack(
      {there[0].unsqueeze(1).expand({count, side, side}), there[1].unsqueeze(2).expand({count, side, side})},
      /*dim=*/3);
  return at::grid_sampler_2d(
      images, grid, static_cast<std::int64_t>(at::native::detail::GridSamplerInterpolation::Bilinear),
      static_cast<std::int64_t>(at::native::detail::GridSamplerPadding::Zeros),
      /*align_corners=*/false);
}

}  // namespace torch_tl
