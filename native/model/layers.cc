#include "model/layers.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "kernels/cpu_features.h"

namespace torch_tl {
namespace {

/**
 * torch.nn.init's `kaiming_uniform_(a=sqrt(5))`, in its order of operations, so that the bits are the same.
 */
void kaiming_uniform(at::Tensor& weight, std::int64_t fan_in, at::Generator& generator) {
  const double a = std::sqrt(5.0);
  const double gain = std::sqrt(2.0 / (1.0 + a * a));
  const double bound = std::sqrt(3.0) * (gain / std::sqrt(static_cast<double>(fan_in)));
  weight.uniform_(-bound, bound, generator);
}

/**
 * Computes `product(x, weight)` in x's precision. On a processor without bfloat16 instructions, LibTorch's
 * bfloat16 products are several times slower than its float32 ones; there, values are rounded to bfloat16 and
 * multiplied in float32. The arithmetic is the same, since bfloat16 products accumulate in float32.
 */
template <typename Product>
at::Tensor in_precision_of(const at::Tensor& x, const at::Tensor& weight, Product product) {
  const at::ScalarType precision = x.scalar_type();
  if (precision == at::kBFloat16 && x.is_cpu() && !cpu_features().bf16()) {
    return product(x.to(at::kFloat), weight.to(precision).to(at::kFloat)).to(precision);
  }
  return product(x, weight.to(precision));
}

}  // namespace

void Layer::set_trainable(bool trainable) {
  trainable_ = trainable;
  about_to_change();
  for (const NamedTensor& parameter : parameters()) parameter.tensor.set_requires_grad(trainable);
}

Conv2d::Conv2d(std::string name, const Conv2dShape& shape, at::Generator& generator)
    : Layer(std::move(name), "Conv2d"),
      weight_(at::empty({shape.out, shape.in, shape.kernel, shape.kernel}, at::kFloat)),
      stride_{shape.stride, shape.stride},
      padding_{shape.padding, shape.padding} {
  kaiming_uniform(weight_, shape.in * shape.kernel * shape.kernel, generator);
}

void Conv2d::initialise(at::Generator& generator) {
  const at::NoGradGuard no_grad;
  const std::int64_t fan_in = weight_.numel() / weight_.size(0);
  weight_.normal_(0.0, std::sqrt(2.0) / std::sqrt(static_cast<double>(fan_in)), generator);
}

void Conv2d::to(at::Device device) {
  weight_ = weight_.to(device).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor Conv2d::forward(const at::Tensor& x, const ForwardContext& /*context*/) {
  return in_precision_of(x, weight_, [this](const at::Tensor& input, const at::Tensor& weight) {
    return at::conv2d(input, weight, /*bias=*/{}, stride_, padding_);
  });
}

BatchNorm::BatchNorm(std::string name, std::int64_t channels)
    : Layer(std::move(name), "BatchNorm"),
      tensors_{at::ones({channels}), at::zeros({channels}), at::zeros({channels}), at::ones({channels}),
               at::zeros({}, at::kLong)} {}

void BatchNorm::to(at::Device device) {
  for (at::Tensor* tensor : {&tensors_.weight, &tensors_.bias, &tensors_.running_mean, &tensors_.running_var,
                             &tensors_.num_batches_tracked}) {
    *tensor = tensor->to(device);
  }
}

at::Tensor BatchNorm::forward(const at::Tensor& x, const ForwardContext& context) {
  const bool batch_statistics = context.training && trainable();
  if (batch_statistics) tensors_.num_batches_tracked.add_(1);
  return at::batch_norm(x, tensors_.weight, tensors_.bias, tensors_.running_mean, tensors_.running_var,
                        batch_statistics, kBatchNormMomentum, kBatchNormEpsilon, /*cudnn_enabled=*/true);
}

Linear::Linear(std::string name, std::int64_t in, std::int64_t out, at::Generator& generator)
    : Layer(std::move(name), "Linear"),
      weight_(at::empty({out, in}, at::kFloat)),
      bias_(at::empty({out}, at::kFloat)) {
  kaiming_uniform(weight_, in, generator);
  const double bound = 1.0 / std::sqrt(static_cast<double>(in));
  bias_.uniform_(-bound, bound, generator).zero_();
}

void Linear::to(at::Device device) {
  weight_ = weight_.to(device);
  bias_ = bias_.to(device);
}

at::Tensor Linear::forward(const at::Tensor& x, const ForwardContext& /*context*/) {
  return in_precision_of(x, weight_, [this](const at::Tensor& input, const at::Tensor& weight) {
    return at::linear(input, weight, bias_.to(input.scalar_type()));
  });
}

at::Tensor ReLU::forward(const at::Tensor& x, const ForwardContext& /*context*/) {
  if (!in_place_) return at::relu(x);
  at::Tensor y = x;
  return at::relu_(y);
}

at::Tensor MaxPool2d::forward(const at::Tensor& x, const ForwardContext& /*context*/) {
  return at::max_pool2d(x, /*kernel_size=*/{3, 3}, /*stride=*/{2, 2}, /*padding=*/{1, 1});
}

at::Tensor AvgPool2d::forward(const at::Tensor& x, const ForwardContext& /*context*/) {
  return at::avg_pool2d(x, /*kernel_size=*/{2, 2}, /*stride=*/{2, 2});
}

at::Tensor GlobalAveragePool::forward(const at::Tensor& x, const ForwardContext& /*context*/) {
  return x.mean({2, 3});
}

at::Tensor Flatten::forward(const at::Tensor& x, const ForwardContext& /*context*/) { return x.flatten(1); }

at::Tensor Dropout::forward(const at::Tensor& x, const ForwardContext& context) {
  if (!context.training || rate_ == 0.0) return x;
  const double keep = 1.0 - rate_;
  // Not bernoulli_, which draws from another stream on Intel processors: a seed means the same mask
  // everywhere.
  const at::Tensor draws = at::rand(x.sizes(), context.dropout_generator, x.options().dtype(at::kDouble));
  return x.mul(draws.lt(keep).to(x.scalar_type()).div_(keep));
}

}  // namespace torch_tl
