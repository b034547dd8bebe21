#pragma once

#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define TORCH_TL_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define TORCH_TL_HOST_DEVICE inline
#endif

namespace torch_tl::gpu {

/* What the kernels compute for one value, on a GPU and on a CPU. */

/** bfloat16, the upper half of a float32. */
struct Bf16 {
  std::uint16_t bits;
};

TORCH_TL_HOST_DEVICE float widened(float value) { return value; }

TORCH_TL_HOST_DEVICE float widened(Bf16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value.bits) << 16;
  float wide = 0;
  memcpy(&wide, &bits, sizeof(wide));
  return wide;
}

template <typename Value>
TORCH_TL_HOST_DEVICE Value rounded(float value);

template <>
TORCH_TL_HOST_DEVICE float rounded<float>(float value) {
  return value;
}

/** To the nearest, ties to even, as LibTorch rounds; a NaN stays one. */
template <>
TORCH_TL_HOST_DEVICE Bf16 rounded<Bf16>(float value) {
  if (value != value) return {0x7FC0};
  std::uint32_t bits = 0;
  memcpy(&bits, &value, sizeof(bits));
  return {static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)};
}

/** A channel of a norm. */
struct NormChannel {
  float scale;
  float shift;
  float mean;
  float inverse_std;

  /** In front of the ReLU. */
  TORCH_TL_HOST_DEVICE float applied(float x) const { return x * scale + shift; }
  /** Behind it; a NaN stays one. */
  TORCH_TL_HOST_DEVICE float activated(float x) const {
    const float y = applied(x);
    return y < 0 ? 0 : y;
  }
  /** The gradient behind the ReLU, where that lets it through. */
  TORCH_TL_HOST_DEVICE float passed(float dy, float x) const { return applied(x) <= 0 ? 0 : dy; }
  TORCH_TL_HOST_DEVICE float normalised(float x) const { return (x - mean) * inverse_std; }
};

/** Sums over rows, for the gradients of a norm. */
struct GradientSums {
  float bias = 0;
  float weight = 0;

  TORCH_TL_HOST_DEVICE void add(const NormChannel& norm, float passed, float x) {
    bias += passed;
    weight += passed * norm.normalised(x);
  }
  TORCH_TL_HOST_DEVICE void merge(const GradientSums& other) {
    bias += other.bias;
    weight += other.weight;
  }
};

/** The gradient of a norm's input, from what passed the ReLU and both sums' means over the rows. */
TORCH_TL_HOST_DEVICE float norm_gradient(const NormChannel& norm, float passed, float x, float mean_bias,
                                         float mean_weight) {
  return norm.scale * (passed - mean_bias - norm.normalised(x) * mean_weight);
}

/** Count, mean and sum of squared distances from it (Welford 1962; merged as in Chan et al. 1979). */
struct Moments {
  float count = 0;
  float mean = 0;
  float squares = 0;

  TORCH_TL_HOST_DEVICE void add(float x) {
    count += 1;
    const float off = x - mean;
    mean += off / count;
    squares += off * (x - mean);
  }
  TORCH_TL_HOST_DEVICE void merge(const Moments& other) {
    if (other.count == 0) return;
    const float total = count + other.count;
    const float off = other.mean - mean;
    const float share = other.count / total;
    mean += off * share;
    squares += other.squares + off * off * count * share;
    count = total;
  }
};

/** The maximum of a window so far, as LibTorch finds it: the first of equals, and NaN above all. */
struct Maximum {
  float value;
  std::uint8_t place;

  TORCH_TL_HOST_DEVICE void see(float x, int at) {
    if (x > value || x != x) {
      value = x;
      place = static_cast<std::uint8_t>(at);
    }
  }
};

}  // namespace torch_tl::gpu
