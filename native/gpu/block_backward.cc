#include "gpu/block_backward.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "gpu/convolutions.h"

namespace torch_tl::gpu {

DenseLayerParameters BlockBackward::run(const DenseLayerParameters& parameters,
                                        const DenseLayerActivations& activations) {
  DenseLayerParameters gradients;
  const at::Tensor dy = differentiate_conv2(parameters, activations, gradients);
  differentiate_conv1(parameters, activations, dy, gradients);
  return gradients;
}

at::Tensor BlockBackward::complete(std::int64_t begin, std::int64_t channels) const {
  at::Tensor dx = at::empty({rows_.size(0), channels}, rows_.options());
  primitives_.add_through_moments(gradient_.narrow(1, begin, channels), rows_.narrow(1, begin, channels),
                                  moments_.narrow(1, begin, channels), of_moments_.narrow(1, begin, channels),
                                  dx);
  return dx;
}

at::Tensor BlockBackward::differentiate_conv2(const DenseLayerParameters& parameters,
                                              const DenseLayerActivations& activations,
                                              DenseLayerParameters& gradients) const {
  const std::int64_t in = activations.conv1.size(1);
  const std::int64_t growth = activations.conv2.size(0);
  const at::Tensor& x = activations.bottleneck;
  const at::Tensor input = at::empty_like(x);
  primitives_.scale_shift_relu(x, activations.norm2, input);
  const Primitives::ConvolutionGradients of = primitives_.differentiate_convolution(
      maps_of(complete(in, growth), shape_), maps_of(input, shape_), activations.conv2, kConv2,
      /*of_x=*/true, /*of_weight=*/parameters.conv2.requires_grad());
  gradients.conv2 = of.weight;
  at::Tensor dy = rows_of(of.x);
  at::Tensor sums;
  if (parameters.norm2_weight.requires_grad()) {
    sums = at::empty({2, x.size(1)}, activations.norm2.options());
    primitives_.sum_gradient(dy, x, activations.norm2, sums);
    gradients.norm2_weight = sums[1];
    gradients.norm2_bias = sums[0];
  }
  primitives_.differentiate(dy, x, activations.norm2, sums, dy);
  return dy;
}

void BlockBackward::differentiate_conv1(const DenseLayerParameters& parameters,
                                        const DenseLayerActivations& activations, const at::Tensor& dy,
                                        DenseLayerParameters& gradients) {
  const std::int64_t in = activations.conv1.size(1);
  const at::Tensor x = rows_.narrow(1, 0, in);
  const at::Tensor wide = at::empty({x.size(0), in}, x.options());
  if (parameters.conv1.requires_grad()) {
    primitives_.scale_shift_relu(x, activations.norm1, wide);
    const at::Tensor of_conv1 = at::empty(activations.conv1.sizes(), activations.norm1.options());
    primitives_.multiply(dy.t(), wide, of_conv1);
    gradients.conv1 = of_conv1.view(parameters.conv1.sizes());
  }
  primitives_.multiply(dy, activations.conv1, wide);
  const bool norm_trains = parameters.norm1_weight.requires_grad();
  const at::Tensor sums = at::empty({2, in}, activations.norm1.options());
  primitives_.accumulate(wide, x, activations.norm1, gradient_.narrow(1, 0, in), sums,
                         norm_trains ? of_moments_.narrow(1, 0, in) : at::Tensor());
  if (norm_trains) {
    gradients.norm1_weight = sums[1];
    gradients.norm1_bias = sums[0];
  }
}

}  // namespace torch_tl::gpu
