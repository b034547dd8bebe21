#include "data/color_jitter.h"

#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "data/draws.h"
#include "data/upload.h"

namespace torch_tl {
namespace {

using Row = std::array<double, 3>;
/** Maps a column of red, green and blue. */
using ColorMap = std::array<Row, 3>;

constexpr Row kGreyWeights{0.2989, 0.587, 0.114};  // torchvision's, which sum to 0.9999
constexpr Row kLumaWeights{0.299, 0.587, 0.114};   // YIQ's
// YIQ's chroma is a rotation and scaling of U = kBlueScale (blue - luma) and V = kRedScale (red - luma).
constexpr double kBlueScale = 0.492;
constexpr double kRedScale = 0.877;

constexpr ColorMap kIdentity{Row{1, 0, 0}, Row{0, 1, 0}, Row{0, 0, 1}};
constexpr ColorMap kGrey{kGreyWeights, kGreyWeights, kGreyWeights};

Row combine(double a, const Row& x, double b, const Row& y) {
  return {a * x[0] + b * y[0], a * x[1] + b * y[1], a * x[2] + b * y[2]};
}

ColorMap combine(double a, const ColorMap& x, double b, const ColorMap& y) {
  return {combine(a, x[0], b, y[0]), combine(a, x[1], b, y[1]), combine(a, x[2], b, y[2])};
}

ColorMap scale(double a, const ColorMap& x) { return combine(a, x, 0, x); }

ColorMap multiply(const ColorMap& x, const ColorMap& y) {
  ColorMap product{};
  for (std::size_t i = 0; i < 3; ++i) {
    product[i] = combine(1, combine(x[i][0], y[0], x[i][1], y[1]), x[i][2], y[2]);
  }
  return product;
}

/** Rotates the chroma, from red over green to blue, and keeps the luma. */
ColorMap turn_hue(double turns) {
  const double cosine = std::cos(2 * std::numbers::pi * turns);
  const double sine = std::sin(2 * std::numbers::pi * turns);
  const Row red = combine(1, kIdentity[0], -1, kLumaWeights);
  const Row blue = combine(1, kIdentity[2], -1, kLumaWeights);
  const Row new_red = combine(cosine, red, sine * kBlueScale / kRedScale, blue);
  const Row new_blue = combine(cosine, blue, -sine * kRedScale / kBlueScale, red);
  const Row new_green =
      combine(-kLumaWeights[0] / kLumaWeights[1], new_red, -kLumaWeights[2] / kLumaWeights[1], new_blue);
  return {combine(1, kLumaWeights, 1, new_red), combine(1, kLumaWeights, 1, new_green),
          combine(1, kLumaWeights, 1, new_blue)};
}

/** An image's colours x become `of_pixels x + of_mean m`, where m is the mean of its colours. */
struct Jitter {
  ColorMap of_pixels;
  ColorMap of_mean;
};

double draw_factor(double strength, at::Generator& generator) {
  return draw_uniform(std::max(0.0, 1 - strength), 1 + strength, generator);
}

Jitter draw_jitter(const ColorJitterOptions& options, at::Generator& generator) {
  const double brightness = draw_factor(options.brightness, generator);
  const double contrast = draw_factor(options.contrast, generator);
  const double saturation = draw_factor(options.saturation, generator);
  const double hue = draw_uniform(-options.hue, options.hue, generator);
  const ColorMap color = multiply(turn_hue(hue), combine(saturation, kIdentity, 1 - saturation, kGrey));
  return {scale(brightness * contrast, color), scale(brightness * (1 - contrast), multiply(color, kGrey))};
}

float* write(const ColorMap& map, float* out) {
  for (const Row& row : map) out = std::ranges::copy(row, out).out;
  return out;
}

}  // namespace

at::Tensor jitter_colors(const at::Tensor& images, const ColorJitterOptions& options,
                         at::Generator& generator) {
  const std::int64_t count = images.size(0);
  const at::Tensor maps = at::empty({2, count, 3, 3}, at::kFloat);
  auto* of_pixels = maps.data_ptr<float>();
  float* of_mean = of_pixels + count * 9;
  for (std::int64_t i = 0; i < count; ++i) {
    const Jitter jitter = draw_jitter(options, generator);
    of_pixels = write(jitter.of_pixels, of_pixels);
    of_mean = write(jitter.of_mean, of_mean);
  }
  // Pixels are rows here, so that the maps are transposed.
  const at::Tensor there = upload(maps, images.device()).transpose(2, 3);
  const at::Tensor pixels = images.reshape({count, -1, 3});
  const at::Tensor shift = at::bmm(pixels.mean(1, /*keepdim=*/true), there[1]);
  return at::baddbmm(shift, pixels, there[0]).clamp_(0, 255).view_as(images);
}

}  // namespace torch_tl
