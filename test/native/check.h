#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iostream>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"

/* Shared by the checks of the kernels. Each file checks the kernels of the header of its name. */

namespace torch_tl {

using Floats = std::vector<float>;
using Halves = std::vector<Bfloat16>;

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

inline Floats draw(std::int64_t count) {
  static std::mt19937 generator(1);  // NOLINT(cert-msc51-cpp): the same numbers in every run
  std::normal_distribution<float> normal;
  Floats values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

inline std::uint32_t bits_of(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline Bfloat16 rounded(float value) {
  const std::uint32_t bits = bits_of(value);
  return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

inline float widened(Bfloat16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value) << 16;
  float result = 0;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

/** The nearest bfloat16. */
inline double nearest(float value) { return std::isnan(value) ? value : widened(rounded(value)); }

inline Halves rounded(const Floats& values) {
  Halves result;
  for (const float value : values) result.push_back(rounded(value));
  return result;
}

inline Floats widened(const Halves& values) {
  Floats result;
  for (const Bfloat16 value : values) result.push_back(widened(value));
  return result;
}

/** Compares the results of kernels with what they should be. */
class Check {
 public:
  explicit Check(const Kernels& kernels) : kernels_(kernels) {}

  /** `tolerance` is relative to the largest value; NaN must be NaN. */
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
    std::cout << kernels_.instructions << ": " << name << " is off by " << worst << '\n';
  }

  bool failed() const { return failed_; }

 private:
  const Kernels& kernels_;
  bool failed_ = false;
};

/** Packs matrix [depth, kPanel] into a panel, with `step` values of the depth side by side. */
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

inline constexpr std::int64_t kChannels = 48;

/** One double per channel. */
inline std::vector<double> by_channel(const std::function<double(std::int64_t)>& value) {
  std::vector<double> values(kChannels);
  for (std::int64_t i = 0; i < kChannels; ++i) values[i] = value(i);
  return values;
}

inline double relu(double x) { return x < 0 ? 0 : x; }

void check_products(const Kernels& kernels, Check& check);
void check_channels(const Kernels& kernels, Check& check);
void check_stem(const Kernels& kernels, Check& check);
void check_max_pool(const Kernels& kernels, Check& check);
void check_winograd(const Kernels& kernels, Check& check);

}  // namespace torch_tl
