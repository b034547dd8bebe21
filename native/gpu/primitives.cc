#include "gpu/primitives.h"

#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/relu.h>

#include <array>
#include <tuple>

namespace torch_tl::gpu {
namespace {

using Pair = std::array<std::int64_t, 2>;

constexpr Pair kNoDilation{1, 1};
constexpr Pair kNoOutputPadding{0, 0};

Pair both(std::int64_t value) { return {value, value}; }

/**
 * Whether x is bfloat16 on a processor. There, products are made of float32 copies: many processors have no
 * instructions for bfloat16, and the sums are float32 in any case.
 */
bool is_emulated(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kBFloat16; }

at::Tensor widened(const at::Tensor& x) { return x.to(at::kFloat); }

}  // namespace

void Primitives::multiply(const at::Tensor& a, const at::Tensor& b, const at::Tensor& y) const {
  at::Tensor out = y;
  if (is_emulated(a)) {
    out.copy_(at::mm(widened(a), widened(b)));
  } else if (y.scalar_type() != a.scalar_type()) {
    at::mm_out(out, a, b, y.scalar_type());  // float32 of bfloat16, without rounding in between
  } else {
    at::mm_out(out, a, b);
  }
}

void Primitives::multiply_bias_relu(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias,
                                    const at::Tensor& y) const {
  at::Tensor out = y;
  if (is_emulated(a)) {
    out.copy_(at::relu(at::mm(widened(a), widened(b)).add_(widened(bias))));
  } else {
    at::_addmm_activation_out(out, bias, a, b);
  }
}

at::Tensor Primitives::convolve(const at::Tensor& x, const at::Tensor& weight,
                                const ConvolutionShape& shape) const {
  if (is_emulated(x)) return convolve(widened(x), widened(weight), shape).to(x.scalar_type());
  const at::Tensor y = at::convolution(x, weight, /*bias=*/{}, both(shape.stride), both(shape.padding),
                                       kNoDilation, /*transposed=*/false, kNoOutputPadding, /*groups=*/1);
  return y.contiguous(at::MemoryFormat::ChannelsLast);
}

Primitives::ConvolutionGradients Primitives::differentiate_convolution(const at::Tensor& dy,
                                                                       const at::Tensor& x,
                                                                       const at::Tensor& weight,
                                                                       const ConvolutionShape& shape,
                                                                       bool of_x, bool of_weight) const {
  if (is_emulated(x)) {
    ConvolutionGradients gradients =
        differentiate_convolution(widened(dy), widened(x), widened(weight), shape, of_x, of_weight);
    if (of_x) gradients.x = gradients.x.to(x.scalar_type());
    return gradients;
  }
  auto [dx, dweight, dbias] = at::convolution_backward(
      dy, x, weight, /*bias_sizes=*/at::OptionalIntArrayRef{}, both(shape.stride), both(shape.padding),
      kNoDilation, /*transposed=*/false, kNoOutputPadding, /*groups=*/1, {of_x, of_weight, false});
  if (of_x) dx = dx.contiguous(at::MemoryFormat::ChannelsLast);
  if (of_weight) dweight = widened(dweight).contiguous(at::MemoryFormat::ChannelsLast);
  return {.x = dx, .weight = dweight};
}

}  // namespace torch_tl::gpu
