#include "data/boxes.h"

#include <algorithm>
#include <cmath>

#include "data/draws.h"

namespace torch_tl {
namespace {

constexpr int kTries = 10;

/** Rounds halves to even, as Python does. */
std::int64_t round_to_pixels(double value) { return std::lrint(value); }

/** Two sides in whole pixels whose product is a random share of `area`, and whose ratio is random. */
struct Sides {
  std::int64_t first;   // sqrt(area * ratio)
  std::int64_t second;  // sqrt(area / ratio)
};

Sides draw_sides(const BoxRange& range, std::int64_t image_area, at::Generator& generator) {
  const double share = draw_uniform(range.scale[0], range.scale[1], generator);
  const double log_ratio = draw_uniform(std::log(range.ratio[0]), std::log(range.ratio[1]), generator);
  const double area = static_cast<double>(image_area) * share;
  const double ratio = std::exp(log_ratio);
  return {round_to_pixels(std::sqrt(area * ratio)), round_to_pixels(std::sqrt(area / ratio))};
}

Box draw_place(std::int64_t box_height, std::int64_t box_width, std::int64_t height, std::int64_t width,
               at::Generator& generator) {
  const std::int64_t top = draw_integer(0, height - box_height + 1, generator);
  const std::int64_t left = draw_integer(0, width - box_width + 1, generator);
  return {top, left, box_height, box_width};
}

/** At least 1, since few pixels and a ratio far from 1 would round to nothing. */
std::int64_t side_of(double pixels) { return std::max<std::int64_t>(round_to_pixels(pixels), 1); }

Box middle_box(const std::array<double, 2>& ratio, std::int64_t height, std::int64_t width) {
  const double own_ratio = static_cast<double>(width) / static_cast<double>(height);
  std::int64_t box_height = height;
  std::int64_t box_width = width;
  if (own_ratio < ratio[0]) box_height = side_of(static_cast<double>(width) / ratio[0]);
  if (own_ratio > ratio[1]) box_width = side_of(static_cast<double>(height) * ratio[1]);
  return {(height - box_height) / 2, (width - box_width) / 2, box_height, box_width};
}

std::int64_t draw_offset(double padding, std::int64_t side, at::Generator& generator) {
  const std::int64_t border = round_to_pixels(padding * static_cast<double>(side));
  return draw_integer(-border, border + 1, generator);
}

}  // namespace

Box draw_crop(const BoxRange& range, std::int64_t height, std::int64_t width, at::Generator& generator) {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const auto [box_width, box_height] = draw_sides(range, height * width, generator);
    if (box_width > 0 && box_width <= width && box_height > 0 && box_height <= height) {
      return draw_place(box_height, box_width, height, width, generator);
    }
  }
  return middle_box(range.ratio, height, width);
}

std::optional<Box> draw_erased_box(const BoxRange& range, std::int64_t height, std::int64_t width,
                                   at::Generator& generator) {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const auto [box_height, box_width] = draw_sides(range, height * width, generator);
    if (box_height < height && box_width < width) {
      return draw_place(box_height, box_width, height, width, generator);
    }
  }
  return std::nullopt;
}

Shift draw_shift(double padding, std::int64_t height, std::int64_t width, at::Generator& generator) {
  const std::int64_t down = draw_offset(padding, height, generator);
  const std::int64_t right = draw_offset(padding, width, generator);
  return {down, right};
}

}  // namespace torch_tl
