#include <algorithm>

#include "check.h"

namespace torch_tl {

void check_channels(const Kernels& kernels, Check& check) {
  Floats scale = draw(kChannels);
  Floats shift = draw(kChannels);
  const Floats mean = draw(kChannels);
  const Floats slope = draw(kChannels);
  Floats x = draw(4 * kChannels);
  x[5] = kNan;
  // Halfway between two bfloat16 values: must round to the even one.
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
  // Must be the rounded result of the kernel above, to the bit.
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
  output[7] = kNan;  // its gradient is kept, as in LibTorch
  const auto masked = [&](std::int64_t i) { return output[i] <= 0 ? 0.0 : gradient[i]; };
  Floats dy = gradient;
  sum = first;
  other = second;
  kernels.mask_and_sum(dy.data(), output.data(), x.data(), mean.data(), kChannels, sum.data(), other.data());
  check.equal("mask_and_sum", dy, by_channel(masked));
  check.equal("mask_and_sum", sum, by_channel([&](std::int64_t i) { return first[i] + masked(i); }));
  check.equal("mask_and_sum", other,
              by_channel([&](std::int64_t i) { return second[i] + masked(i) * centred(i); }));

  sum = first;
  other = second;
  Floats dx = slope;
  kernels.add_masked(gradient.data(), output.data(), x.data(), mean.data(), scale.data(), kChannels,
                     sum.data(), other.data(), dx.data());
  check.equal("add_masked", sum, by_channel([&](std::int64_t i) { return first[i] + masked(i); }));
  check.equal("add_masked", other,
              by_channel([&](std::int64_t i) { return second[i] + masked(i) * centred(i); }));
  check.equal("add_masked", dx, by_channel([&](std::int64_t i) { return slope[i] + masked(i) * scale[i]; }));

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
}

}  // namespace torch_tl
