#include "kernels/channels.h"

#include <initializer_list>

#include "kernels/vector.h"

namespace torch_tl::TORCH_TL_INSTRUCTIONS {
namespace {

template <typename Value>
void scale_shift_relu(const float* x, const float* scale, const float* shift, std::int64_t channels,
                      Value* y) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    store(y + i, relu(multiply_add(load(x + i), load(scale + i), load(shift + i))));
  }
}

void scale_shift(const float* x, const float* scale, const float* shift, std::int64_t channels, float* y) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    store(y + i, multiply_add(load(x + i), load(scale + i), load(shift + i)));
  }
}

void bias_relu(const float* x, const float* bias, std::int64_t channels, float* y) {
  for (std::int64_t i = 0; i < channels; i += kLanes) store(y + i, relu(load(x + i) + load(bias + i)));
}

template <typename Value>
void pooled_scale_shift_relu(const float* x, std::int64_t right, std::int64_t down, const float* scale,
                             const float* shift, std::int64_t channels, Value* y) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    const Vector factor = load(scale + i);
    const Vector summand = load(shift + i);
    Vector sum{};
    for (const float* pixel : {x, x + right, x + down, x + down + right}) {
      sum += relu(multiply_add(load(pixel + i), factor, summand));
    }
    store(y + i, sum * 0.25F);
  }
}

void add_moments(const float* x, const float* pivot, std::int64_t channels, float* sum, float* squares) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    const Vector value = load(x + i) - load(pivot + i);
    store(sum + i, load(sum + i) + value);
    store(squares + i, multiply_add(value, value, load(squares + i)));
  }
}

/** Adds to the sums the part of dy that a ReLU with output y lets through, and returns it. */
TORCH_TL_INLINE Vector add_kept(Vector dy, const float* y, const float* x, const float* mean, float* sum,
                                float* products) {
  const Vector kept = relu_gradient(load(y), dy);
  store(sum, load(sum) + kept);
  store(products, multiply_add(kept, load(x) - load(mean), load(products)));
  return kept;
}

void mask_and_sum(float* dy, const float* y, const float* x, const float* mean, std::int64_t channels,
                  float* sum, float* products) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    store(dy + i, add_kept(load(dy + i), y + i, x + i, mean + i, sum + i, products + i));
  }
}

void add_masked(const float* dy, const float* y, const float* x, const float* mean, const float* scale,
                std::int64_t channels, float* sum, float* products, float* dx) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    const Vector kept = add_kept(load(dy + i), y + i, x + i, mean + i, sum + i, products + i);
    store(dx + i, multiply_add(kept, load(scale + i), load(dx + i)));
  }
}

void norm_gradient(const float* dy, const float* x, const float* scale, const float* shift, const float* mean,
                   const float* slope, std::int64_t channels, float* dx) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    const Vector centred = load(x + i) - load(mean + i);
    const Vector scaled = multiply_add(load(dy + i), load(scale + i), -load(shift + i));
    store(dx + i, multiply_add(-centred, load(slope + i), scaled));
  }
}

void dense_gradient(const float* d, const float* w, float sum, const float* scale, const float* shift,
                    std::int64_t channels, float* weight_gradient, float* scale_gradient,
                    float* shift_gradient) {
  const Vector sums = every_lane(sum);
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    const Vector product = load(d + i);
    const Vector weight = load(w + i);
    store(weight_gradient + i, multiply_add(product, load(scale + i), sums * load(shift + i)));
    store(scale_gradient + i, multiply_add(weight, product, load(scale_gradient + i)));
    store(shift_gradient + i, multiply_add(weight, sums, load(shift_gradient + i)));
  }
}

void round_bf16(const float* x, std::int64_t channels, Bfloat16* y) {
  for (std::int64_t i = 0; i < channels; i += kLanes) store(y + i, load(x + i));
}

void pair_bf16(const float* first, const float* second, std::int64_t channels, Bfloat16* pairs) {
  for (std::int64_t i = 0; i < channels; i += kLanes) store(pairs + 2 * i, load(first + i), load(second + i));
}

}  // namespace

ChannelKernels channel_kernels() {
  return {.scale_shift_relu = scale_shift_relu<float>,
          .scale_shift_relu_bf16 = scale_shift_relu<Bfloat16>,
          .scale_shift = scale_shift,
          .bias_relu = bias_relu,
          .pooled_scale_shift_relu = pooled_scale_shift_relu<float>,
          .pooled_scale_shift_relu_bf16 = pooled_scale_shift_relu<Bfloat16>,
          .add_moments = add_moments,
          .mask_and_sum = mask_and_sum,
          .add_masked = add_masked,
          .norm_gradient = norm_gradient,
          .dense_gradient = dense_gradient,
          .round_bf16 = round_bf16,
          .pair_bf16 = pair_bf16};
}

}  // namespace torch_tl::TORCH_TL_INSTRUCTIONS
