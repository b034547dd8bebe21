// Compares every kernel of every set of instructions that this processor runs with what its header says,
// computed in double precision. Prints a line for each set, and one for each kernel that is off, and then
// fails.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace {

using torch_tl::Bfloat16;
using torch_tl::Kernels;
using torch_tl::kPanel;
using Floats = std::vector<float>;
using Halves = std::vector<Bfloat16>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Floats draw(std::int64_t count) {
  static std::mt19937 generator(1);  // NOLINT(cert-msc51-cpp): the same numbers in every run
  std::normal_distribution<float> normal;
  Floats values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

std::uint32_t bits_of(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

Bfloat16 rounded(float value) {
  const std::uint32_t bits = bits_of(value);
  return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

float widened(Bfloat16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value) << 16;
  float result = 0;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

/** The bfloat16 that is nearest. */
double nearest(float value) { return std::isnan(value) ? value : widened(rounded(value)); }

Halves rounded(const Floats& values) {
  Halves result;
  for (const float value : values) result.push_back(rounded(value));
  return result;
}

Floats widened(const Halves& values) {
  Floats result;
  for (const Bfloat16 value : values) result.push_back(widened(value));
  return result;
}

/** What a kernel gave beside what it should have. */
class Check {
 public:
  explicit Check(const Kernels& kernels) : kernels_(kernels) {}

  /** `tolerance` is of the largest value; NaN has to be NaN. */
  void equal(const char* name, const Floats& actual, const std::vector<double>& expected,
             double tolerance = 1e-6) {
    double scale = 0;
    double worst = actual.size() == expected.size() ? 0 : 1;
    for (const double value : expected) scale = std::isnan(value) ? scale : std::max(scale, std::abs(value));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const bool both_nan = std::isnan(expected[i]) && std::isnan(actual.at(i));
      const double difference = both_nan ? 0 : std::abs(actual.at(i) - expected[i]) / scale;
      worst = difference <= worst ? worst : difference;  // NaN is worse
    }
    if (worst <= tolerance) return;
    failed_ = true;
    std::printf("%s: %s is off by %g\n", kernels_.instructions, name, worst);
  }

  bool failed() const { return failed_; }

 private:
  const Kernels& kernels_;
  bool failed_ = false;
};

/** matrix [depth, kPanel] as a panel, `step` values of the depth side by side. */
template <typename Value>
std::vector<Value> packed(const Kernels& kernels, const std::vector<Value>& matrix, std::int64_t step) {
  const auto depth = static_cast<std::int64_t>(matrix.size()) / kPanel;
  std::vector<Value> panel;
  for (std::int64_t first = 0; first < kPanel; first += kernels.columns) {
    for (std::int64_t k = 0; k < depth; k += step) {
      for (std::int64_t column = first; column < first + kernels.columns; ++column) {
        for (std::int64_t part = 0; part < step; ++part)
          panel.push_back(matrix[(k + part) * kPanel + column]);
      }
    }
  }
  return panel;
}

/** Two rows of [depth, columns] side by side, the last beside zeros where it is alone. */
Halves in_pairs(Halves matrix, std::int64_t columns) {
  matrix.resize((matrix.size() / columns + 1) / 2 * 2 * columns);
  Halves pairs(matrix.size());
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    const std::size_t row = i / columns;
    pairs[row / 2 * 2 * columns + i % columns * 2 + row % 2] = matrix[i];
  }
  return pairs;
}

void check_products(const Kernels& kernels, Check& check) {
  constexpr std::int64_t kDepth = 70;
  constexpr std::int64_t kStride = 74;  // of a
  constexpr std::int64_t kWide = 96;    // of c
  const Floats a = draw(kStride * 40);
  const Floats matrix = draw(kDepth * kPanel);
  const auto product = [&](const Floats& left, const Floats& right, std::int64_t rows) {
    std::vector<double> c(rows * kWide, 7);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < kPanel; ++column) {
        double sum = 0;
        for (std::int64_t k = 0; k < kDepth; ++k) {
          sum += static_cast<double>(left[row * kStride + k]) * right[k * kPanel + column];
        }
        c[row * kWide + column] = sum;
      }
    }
    return c;
  };
  for (std::int64_t rows = 1; rows <= 40; ++rows) {
    Floats c(rows * kWide, 7);
    kernels.multiply_panel(a.data(), kStride, packed(kernels, matrix, 1).data(), rows, kDepth, c.data(),
                           kWide);
    check.equal("multiply_panel", c, product(a, matrix, rows));

    const Halves left = rounded(a);
    const Halves right = rounded(matrix);
    Floats c_bf16(rows * kWide, 7);
    kernels.multiply_panel_bf16(left.data(), kStride, packed(kernels, right, 2).data(), rows, kDepth,
                                c_bf16.data(), kWide);
    check.equal("multiply_panel_bf16", c_bf16, product(widened(left), widened(right), rows));
  }
  for (const std::int64_t depth : {1, 13, 48}) {
    constexpr std::int64_t kColumns = 36;
    const auto outer = [&](const Floats& left, const Floats& right, const Floats& before) {
      std::vector<double> c(before.begin(), before.end());
      for (std::int64_t k = 0; k < depth; ++k) {
        for (std::int64_t i = 0; i < kColumns; ++i) {
          for (std::int64_t j = 0; j < kPanel; ++j) {
            c[i * kWide + j] += static_cast<double>(left[k * kColumns + i]) * right[k * kWide + j];
          }
        }
      }
      return c;
    };
    const Floats left = draw(depth * kColumns);
    const Floats right = draw(depth * kWide);
    const Floats before = draw(kColumns * kWide);
    Floats c = before;
    kernels.accumulate_outer(left.data(), kColumns, kColumns, right.data(), kWide, depth, c.data(), kWide);
    check.equal("accumulate_outer", c, outer(left, right, before));

    c = before;
    kernels.accumulate_outer_bf16(in_pairs(rounded(left), kColumns).data(), 2 * kColumns, kColumns,
                                  in_pairs(rounded(right), kWide).data(), 2 * kWide, depth + depth % 2,
                                  c.data(), kWide);
    check.equal("accumulate_outer_bf16", c, outer(widened(rounded(left)), widened(rounded(right)), before));
  }
}

constexpr std::int64_t kChannels = 48;

/** A double a channel. */
std::vector<double> by_channel(const std::function<double(std::int64_t)>& value) {
  std::vector<double> values(kChannels);
  for (std::int64_t i = 0; i < kChannels; ++i) values[i] = value(i);
  return values;
}

double relu(double x) { return x < 0 ? 0 : x; }

void check_rows(const Kernels& kernels, Check& check) {
  Floats scale = draw(kChannels);
  Floats shift = draw(kChannels);
  const Floats mean = draw(kChannels);
  const Floats slope = draw(kChannels);
  Floats x = draw(4 * kChannels);
  x[5] = kNan;
  // Halfway between two of bfloat16: to the even one.
  x[1] = 1.00390625F;
  x[2] = 1.01171875F;
  std::fill_n(scale.begin(), 3, 1.0F);
  std::fill_n(shift.begin(), 3, 0.0F);
  const auto normed = [&](std::int64_t i) {
    return static_cast<double>(x[i]) * scale[i % kChannels] + shift[i % kChannels];
  };
  Floats y(kChannels);
  Halves halves(kChannels);

  kernels.scale_shift_relu(x.data(), scale.data(), shift.data(), kChannels, y.data());
  check.equal("scale_shift_relu", y, by_channel([&](std::int64_t i) { return relu(normed(i)); }));
  kernels.scale_shift_relu_bf16(x.data(), scale.data(), shift.data(), kChannels, halves.data());
  // Of what the kernel above gave, to the bit.
  check.equal("scale_shift_relu_bf16", widened(halves),
              by_channel([&](std::int64_t i) { return nearest(y[i]); }), 0);

  kernels.scale_shift(x.data(), scale.data(), shift.data(), kChannels, y.data());
  check.equal("scale_shift", y, by_channel(normed));

  kernels.bias_relu(x.data(), shift.data(), kChannels, y.data());
  check.equal("bias_relu", y,
              by_channel([&](std::int64_t i) { return relu(static_cast<double>(x[i]) + shift[i]); }));

  kernels.pooled_scale_shift_relu(x.data(), kChannels, 2 * kChannels, scale.data(), shift.data(), kChannels,
                                  y.data());
  check.equal("pooled_scale_shift_relu", y, by_channel([&](std::int64_t i) {
                double sum = 0;
                for (std::int64_t pixel = 0; pixel < 4; ++pixel) sum += relu(normed(pixel * kChannels + i));
                return sum / 4;
              }));
  kernels.pooled_scale_shift_relu_bf16(x.data(), kChannels, 2 * kChannels, scale.data(), shift.data(),
                                       kChannels, halves.data());
  check.equal("pooled_scale_shift_relu_bf16", widened(halves),
              by_channel([&](std::int64_t i) { return nearest(y[i]); }), 0);

  const Floats first = draw(kChannels);
  const Floats second = draw(kChannels);
  Floats sum = first;
  Floats other = second;
  const auto centred = [&](std::int64_t i) { return static_cast<double>(x[i]) - mean[i]; };
  kernels.add_moments(x.data(), mean.data(), kChannels, sum.data(), other.data());
  check.equal("add_moments", sum, by_channel([&](std::int64_t i) { return first[i] + centred(i); }));
  check.equal("add_moments", other,
              by_channel([&](std::int64_t i) { return second[i] + centred(i) * centred(i); }));

  const Floats gradient = draw(kChannels);
  Floats output = draw(kChannels);
  output[3] = 0;
  output[7] = kNan;  // its gradient is kept, as LibTorch does
  const auto masked = [&](std::int64_t i) { return output[i] <= 0 ? 0.0 : gradient[i]; };
  Floats dy = gradient;
  sum = first;
  other = second;
  kernels.mask_and_sum(dy.data(), output.data(), x.data(), mean.data(), kChannels, sum.data(), other.data());
  check.equal("mask_and_sum", dy, by_channel(masked));
  check.equal("mask_and_sum", sum, by_channel([&](std::int64_t i) { return first[i] + masked(i); }));
  check.equal("mask_and_sum", other,
              by_channel([&](std::int64_t i) { return second[i] + masked(i) * centred(i); }));

  kernels.norm_gradient(gradient.data(), x.data(), scale.data(), shift.data(), mean.data(), slope.data(),
                        kChannels, y.data());
  check.equal("norm_gradient", y, by_channel([&](std::int64_t i) {
                return static_cast<double>(gradient[i]) * scale[i] - shift[i] - centred(i) * slope[i];
              }));

  Floats weights(kChannels);
  sum = first;
  other = second;
  kernels.dense_gradient(gradient.data(), mean.data(), 1.5F, scale.data(), shift.data(), kChannels,
                         weights.data(), sum.data(), other.data());
  check.equal("dense_gradient", weights, by_channel([&](std::int64_t i) {
                return static_cast<double>(gradient[i]) * scale[i] + 1.5 * shift[i];
              }));
  check.equal("dense_gradient", sum, by_channel([&](std::int64_t i) {
                return first[i] + static_cast<double>(mean[i]) * gradient[i];
              }));
  check.equal("dense_gradient", other, by_channel([&](std::int64_t i) { return second[i] + 1.5 * mean[i]; }));

  kernels.round_bf16(x.data(), kChannels, halves.data());
  check.equal("round_bf16", widened(halves), by_channel([&](std::int64_t i) { return nearest(x[i]); }), 0);
  Halves pairs(2 * kChannels);
  kernels.pair_bf16(x.data(), gradient.data(), kChannels, pairs.data());
  Floats parts(kChannels);
  for (std::int64_t i = 0; i < kChannels; ++i) parts[i] = widened(pairs[2 * i]);
  check.equal("pair_bf16", parts, by_channel([&](std::int64_t i) { return nearest(x[i]); }), 0);
  for (std::int64_t i = 0; i < kChannels; ++i) parts[i] = widened(pairs[2 * i + 1]);
  check.equal("pair_bf16", parts, by_channel([&](std::int64_t i) { return nearest(gradient[i]); }), 0);

  sum = first;
  kernels.add_scaled(gradient.data(), scale.data(), kChannels, sum.data());
  check.equal("add_scaled", sum, by_channel([&](std::int64_t i) {
                return first[i] + static_cast<double>(gradient[i]) * scale[i];
              }));
}

void check_stem(const Kernels& kernels, Check& check) {
  constexpr std::int64_t kTiles = 3;
  constexpr std::int64_t kPixels = kTiles * torch_tl::kStemPixels;
  constexpr std::int64_t kWindow = torch_tl::kStemKernel * torch_tl::kStemChannels;
  constexpr std::int64_t kWidth =
      ((kPixels - 1) * torch_tl::kStemStride + torch_tl::kStemKernel) * torch_tl::kStemChannels;
  constexpr std::int64_t kRight = 2 * kPanel;
  const Floats lines = draw(torch_tl::kStemKernel * kWidth);
  const Floats matrix = draw(torch_tl::kStemKernel * kWindow * kPanel);
  std::array<const float*, torch_tl::kStemKernel> rows{};
  for (std::int64_t y = 0; y < torch_tl::kStemKernel; ++y) rows.at(y) = lines.data() + y * kWidth;
  Floats out(kPixels * kRight, 7);
  std::vector<double> expected(kPixels * kRight, 7);
  for (std::int64_t pixel = 0; pixel < kPixels; ++pixel) {
    for (std::int64_t column = 0; column < kPanel; ++column) {
      double sum = 0;
      for (std::int64_t place = 0; place < torch_tl::kStemKernel * kWindow; ++place) {
        const std::int64_t begin = pixel * torch_tl::kStemStride * torch_tl::kStemChannels;
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
  for (std::int64_t pixel = 0; pixel < 9; ++pixel) x[pixel * kChannels + 2] = 1.5F;  // the first one counts
  Floats scale = draw(kChannels);
  Floats shift = draw(kChannels);
  scale[2] = 1;
  shift[2] = 1;
  shift[3] = -100;  // nothing gets through the ReLU
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

/** A 3x3 convolution of 4x4 pixels by way of the transforms, and its gradients, channel by channel. */
void check_winograd(const Kernels& kernels, Check& check) {
  constexpr int kPlaces = torch_tl::kTilePlaces;
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

}  // namespace

int main() {
  bool failed = false;
  for (const Kernels& kernels : torch_tl::runnable_kernels()) {
    Check check(kernels);
    check_products(kernels, check);
    check_rows(kernels, check);
    check_stem(kernels, check);
    check_max_pool(kernels, check);
    check_winograd(kernels, check);
    std::printf("%s: %s\n", kernels.instructions,
                check.failed() ? "not as its headers say" : "as its headers say");
    failed = failed || check.failed();
  }
  return failed ? 1 : 0;
}
