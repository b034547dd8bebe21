#include <algorithm>
#include <array>

#include "check.h"

namespace torch_tl {

void check_stem(const Kernels& kernels, Check& check) {
  constexpr std::int64_t kTiles = 3;
  constexpr std::int64_t kPixels = kTiles * kStemPixels;
  constexpr std::int64_t kWindow = kStemKernel * kStemChannels;
  constexpr std::int64_t kWidth = ((kPixels - 1) * kStemStride + kStemKernel) * kStemChannels;
  constexpr std::int64_t kRight = 2 * kPanel;
  const Floats lines = draw(kStemKernel * kWidth);
  const Floats matrix = draw(kStemKernel * kWindow * kPanel);
  std::array<const float*, kStemKernel> rows{};
  for (std::int64_t y = 0; y < kStemKernel; ++y) rows.at(y) = lines.data() + y * kWidth;
  Floats out(kPixels * kRight, 7);
  std::vector<double> expected(kPixels * kRight, 7);
  for (std::int64_t pixel = 0; pixel < kPixels; ++pixel) {
    for (std::int64_t column = 0; column < kPanel; ++column) {
      double sum = 0;
      for (std::int64_t place = 0; place < kStemKernel * kWindow; ++place) {
        const std::int64_t begin = pixel * kStemStride * kStemChannels;
        sum += static_cast<double>(rows.at(place / kWindow)[begin + place % kWindow]) *
               matrix[place * kPanel + column];
      }
      expected[pixel * kRight + column] = sum;
    }
  }
  kernels.convolve_stem(rows.data(), packed(kernels, matrix, 1).data(), kTiles, out.data(), kRight);
  check.equal("convolve_stem", out, expected);

  Floats maps = draw(9 * kChannels);
  for (std::int64_t pixel = 0; pixel < 9; ++pixel) maps[pixel * kChannels + 2 * pixel] = kNan;
  const Floats bias = draw(kChannels);
  const std::array three{maps.data(), maps.data() + 3 * kChannels, maps.data() + 6 * kChannels};
  const std::array<std::int64_t, 3> pixels{0, kChannels, 2 * kChannels};
  Floats y(kChannels);
  kernels.max_bias_relu(three.data(), pixels.data(), bias.data(), kChannels, y.data());
  check.equal("max_bias_relu", y, by_channel([&](std::int64_t i) {
                float greatest = maps[i];
                for (std::int64_t pixel = 1; pixel < 9; ++pixel) {
                  const float x = maps[pixel * kChannels + i];
                  greatest = std::isnan(x) || x > greatest ? x : greatest;
                }
                return relu(static_cast<double>(greatest) + bias[i]);
              }));
}

void check_max_pool(const Kernels& kernels, Check& check) {
  Floats x = draw(9 * kChannels);
  x[4 * kChannels + 1] = kNan;
  for (std::int64_t pixel = 0; pixel < 9; ++pixel)
    x[pixel * kChannels + 2] = 1.5F;  // the first one is the maximum
  Floats scale = draw(kChannels);
  Floats shift = draw(kChannels);
  scale[2] = 1;
  shift[2] = 1;
  shift[3] = -100;  // the ReLU's output is 0
  const Floats mean = draw(kChannels);
  const Floats dy = draw(kChannels);
  const auto normed = [&](std::int64_t pixel, std::int64_t i) {
    return static_cast<double>(x[pixel * kChannels + i]) * scale[i] + shift[i];
  };
  const auto greatest = [&](std::int64_t i) {
    std::int64_t place = 0;
    for (std::int64_t pixel = 1; pixel < 9; ++pixel) {
      const double value = normed(pixel, i);
      if (value > normed(place, i) || std::isnan(value)) place = pixel;
    }
    return place;
  };
  const auto gradient = [&](std::int64_t i) { return normed(greatest(i), i) <= 0 ? 0.0 : dy[i]; };
  const std::array<const float*, 3> rows{x.data(), x.data() + 3 * kChannels, x.data() + 6 * kChannels};
  const std::array<std::int64_t, 3> pixels{0, kChannels, 2 * kChannels};

  Floats y(kChannels);
  kernels.max_scale_shift_relu(rows.data(), pixels.data(), scale.data(), shift.data(), kChannels, y.data());
  check.equal("max_scale_shift_relu", y,
              by_channel([&](std::int64_t i) { return relu(normed(greatest(i), i)); }));

  const Floats first = draw(kChannels);
  const Floats second = draw(kChannels);
  Floats sum = first;
  Floats products = second;
  kernels.sum_max_gradient(rows.data(), pixels.data(), scale.data(), shift.data(), mean.data(), dy.data(),
                           kChannels, sum.data(), products.data());
  check.equal("sum_max_gradient", sum, by_channel([&](std::int64_t i) { return first[i] + gradient(i); }));
  check.equal("sum_max_gradient", products, by_channel([&](std::int64_t i) {
                return second[i] + gradient(i) * (x[greatest(i) * kChannels + i] - mean[i]);
              }));

  Floats dx = draw(9 * kChannels);
  std::vector<double> expected(dx.begin(), dx.end());
  for (std::int64_t i = 0; i < kChannels; ++i) expected[greatest(i) * kChannels + i] += gradient(i);
  const std::array written{dx.data(), dx.data() + 3 * kChannels, dx.data() + 6 * kChannels};
  kernels.add_max_gradient(rows.data(), pixels.data(), scale.data(), shift.data(), dy.data(), kChannels,
                           written.data());
  check.equal("add_max_gradient", dx, expected);
}

}  // namespace torch_tl
