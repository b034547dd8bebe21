#include <array>

#include "check.h"

namespace torch_tl {

/** A 3x3 convolution of 4x4 pixels by way of the transforms, and its gradients, channel by channel. */
void check_winograd(const Kernels& kernels, Check& check) {
  constexpr int kPlaces = kTilePlaces;
  constexpr std::array<std::array<double, 3>, 4> kG{
      {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}};
  const Floats pixels = draw(16 * kChannels);
  const Floats kernel = draw(9 * kChannels);
  const Floats gradient = draw(4 * kChannels);
  std::vector<double> transformed(kPlaces * kChannels);  // G g G^T
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(transformed.size()); ++i) {
    for (std::int64_t tap = 0; tap < 9; ++tap) {
      const std::int64_t place = i / kChannels;
      transformed[i] += kG.at(place / 4).at(tap / 3) * kG.at(place % 4).at(tap % 3) *
                        kernel[tap * kChannels + i % kChannels];
    }
  }
  Floats tile(kPlaces * kChannels);
  kernels.transform_tile(pixels.data(), kChannels, 4 * kChannels, kChannels, tile.data(), kChannels);
  Floats products(tile.size());
  for (std::size_t i = 0; i < tile.size(); ++i) products[i] = static_cast<float>(tile[i] * transformed[i]);
  for (const int rows : {1, 2}) {
    for (const int columns : {1, 2}) {
      Floats y(4 * kChannels, 7);
      std::vector<double> expected(4 * kChannels, 7);
      for (std::int64_t pixel = 0; pixel < 4; ++pixel) {
        if (pixel / 2 >= rows || pixel % 2 >= columns) continue;
        for (std::int64_t i = 0; i < kChannels; ++i) {
          double sum = 0;
          for (std::int64_t tap = 0; tap < 9; ++tap) {
            const std::int64_t place = (pixel / 2 + tap / 3) * 4 + pixel % 2 + tap % 3;
            sum += static_cast<double>(pixels[place * kChannels + i]) * kernel[tap * kChannels + i];
          }
          expected[pixel * kChannels + i] = sum;
        }
      }
      kernels.transform_back(products.data(), kChannels, kChannels, y.data(), kChannels, 2 * kChannels, rows,
                             columns);
      check.equal("transform_tile and transform_back", y, expected, 3e-6);
    }
  }
  Floats places(kPlaces * kChannels);
  kernels.transform_gradient(gradient.data(), kChannels, 2 * kChannels, kChannels, places.data(), kChannels);
  Floats taps(9 * kChannels);  // G^T (tile * places) G: the kernel's gradient
  std::vector<double> expected(9 * kChannels);
  for (std::int64_t tap = 0; tap < 9; ++tap) {
    for (std::int64_t i = 0; i < kChannels; ++i) {
      double sum = 0;
      for (std::int64_t place = 0; place < kPlaces; ++place) {
        sum += kG.at(place / 4).at(tap / 3) * kG.at(place % 4).at(tap % 3) * tile[place * kChannels + i] *
               places[place * kChannels + i];
      }
      taps[tap * kChannels + i] = static_cast<float>(sum);
      for (std::int64_t pixel = 0; pixel < 4; ++pixel) {
        const std::int64_t place = (pixel / 2 + tap / 3) * 4 + pixel % 2 + tap % 3;
        expected[tap * kChannels + i] +=
            static_cast<double>(pixels[place * kChannels + i]) * gradient[pixel * kChannels + i];
      }
    }
  }
  check.equal("transform_gradient", taps, expected, 3e-6);
}

}  // namespace torch_tl
