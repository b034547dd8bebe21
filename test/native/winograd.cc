#include <array>

#include "check.h"

namespace torch_tl {
namespace {

/** Winograd's G for the points 0, 3/4, -3/4, 3/2, -3/2 and infinity. */
constexpr double kNear = -128.0 / 243;
constexpr double kFar = 32.0 / 243;
constexpr std::array<std::array<double, 3>, kTileSide> kG{{{64.0 / 81, 0, 0},
                                                           {kNear, 0.75 * kNear, 0.5625 * kNear},
                                                           {kNear, -0.75 * kNear, 0.5625 * kNear},
                                                           {kFar, 1.5 * kFar, 2.25 * kFar},
                                                           {kFar, -1.5 * kFar, 2.25 * kFar},
                                                           {0, 0, 1}}};

/** The factor of a kernel's tap in a place of its transform, G g G^T. */
double share(std::int64_t place, std::int64_t tap) {
  return kG.at(place / kTileSide).at(tap / 3) * kG.at(place % kTileSide).at(tap % 3);
}

/** The pixel of a tile that a tap reads for one of the tile's results. */
std::int64_t seen(std::int64_t result, std::int64_t tap) {
  return (result / kTileStep + tap / 3) * kTileSide + result % kTileStep + tap % 3;
}

}  // namespace

/** Checks a 3x3 convolution of a tile by the transforms, and its gradients, channel by channel. */
void check_winograd(const Kernels& kernels, Check& check) {
  constexpr std::int64_t kResults = std::int64_t{kTileStep} * kTileStep;
  const Floats pixels = draw(kTilePlaces * kChannels);
  const Floats kernel = draw(9 * kChannels);
  const Floats gradient = draw(kResults * kChannels);
  std::vector<double> transformed(kTilePlaces * kChannels);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(transformed.size()); ++i) {
    for (std::int64_t tap = 0; tap < 9; ++tap) {
      transformed[i] += share(i / kChannels, tap) * kernel[tap * kChannels + i % kChannels];
    }
  }
  Floats tile(kTilePlaces * kChannels);
  kernels.transform_tile(pixels.data(), kChannels, kTileSide * kChannels, kChannels, tile.data(), kChannels);
  Floats products(tile.size());
  for (std::size_t i = 0; i < tile.size(); ++i) products[i] = static_cast<float>(tile[i] * transformed[i]);
  for (int rows = 1; rows <= kTileStep; ++rows) {
    for (int columns = 1; columns <= kTileStep; ++columns) {
      Floats y(kResults * kChannels, 7);
      std::vector<double> expected(y.size(), 7);
      for (std::int64_t result = 0; result < kResults; ++result) {
        if (result / kTileStep >= rows || result % kTileStep >= columns) continue;
        for (std::int64_t i = 0; i < kChannels; ++i) {
          double sum = 0;
          for (std::int64_t tap = 0; tap < 9; ++tap) {
            sum +=
                static_cast<double>(pixels[seen(result, tap) * kChannels + i]) * kernel[tap * kChannels + i];
          }
          expected[result * kChannels + i] = sum;
        }
      }
      kernels.transform_back(products.data(), kChannels, kChannels, y.data(), kChannels,
                             kTileStep * kChannels, rows, columns);
      check.equal("transform_tile and transform_back", y, expected, 3e-6);
    }
  }
  Floats places(kTilePlaces * kChannels);
  kernels.transform_gradient(gradient.data(), kChannels, kTileStep * kChannels, kChannels, places.data(),
                             kChannels);
  Floats taps(9 * kChannels);  // G^T (tile * places) G: the kernel's gradient
  std::vector<double> expected(taps.size());
  for (std::int64_t tap = 0; tap < 9; ++tap) {
    for (std::int64_t i = 0; i < kChannels; ++i) {
      double sum = 0;
      for (std::int64_t place = 0; place < kTilePlaces; ++place) {
        sum += share(place, tap) * tile[place * kChannels + i] * places[place * kChannels + i];
      }
      taps[tap * kChannels + i] = static_cast<float>(sum);
      for (std::int64_t result = 0; result < kResults; ++result) {
        expected[tap * kChannels + i] +=
            static_cast<double>(pixels[seen(result, tap) * kChannels + i]) * gradient[result * kChannels + i];
      }
    }
  }
  check.equal("transform_gradient", taps, expected, 3e-6);
}

}  // namespace torch_tl
