#include "model/sections.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/relu.h>

#include <algorithm>
#include <span>

#include "executors/choice.h"

namespace torch_tl {
namespace {

Origin origin_of(const std::vector<Layer*>& leaves, at::ScalarType precision) {
  Origin origin{0, precision};
  for (const Layer* leaf : leaves) origin.generation += leaf->generation();
  return origin;
}

/** Whether layers may run fused: on this input and in this pass nothing in them changes or needs gradients.
 */
bool may_fuse(const std::vector<Layer*>& leaves, const at::Tensor& x, const Pass& pass) {
  if (!pass.allows_executors() || !has_executors_for(x)) return false;
  const bool gradients = at::GradMode::is_enabled();
  if (gradients && x.requires_grad()) return false;
  return (!gradients && !pass.training) || std::ranges::none_of(leaves, &Layer::trains);
}

/** Whether layers may run as one node of autograd's graph on this input and in this pass. */
bool may_train_as_one(const at::Tensor& x, const Pass& pass) {
  if (!pass.allows_executors() || !has_executors_for(x)) return false;
  return pass.training && at::GradMode::is_enabled() && x.numel() > x.size(1);
}

}  // namespace

DenseLayer::DenseLayer(const std::string& name, std::int64_t in, at::Generator& generator)
    : norm1_(name + ".norm1", in),
      relu1_(name + ".relu1", /*in_place=*/true),
      conv1_(name + ".conv1", in, DenseNet121::kBottleneck * DenseNet121::kGrowth, /*kernel=*/1, /*stride=*/1,
             /*padding=*/0, generator),
      norm2_(name + ".norm2", DenseNet121::kBottleneck * DenseNet121::kGrowth),
      relu2_(name + ".relu2", /*in_place=*/true),
      conv2_(name + ".conv2", DenseNet121::kBottleneck * DenseNet121::kGrowth, DenseNet121::kGrowth,
             /*kernel=*/3,
             /*stride=*/1, /*padding=*/1, generator) {}

at::Tensor DenseLayer::operator()(const at::Tensor& x, const Pass& pass) {
  const at::Tensor bottleneck = conv1_(relu1_(norm1_(x, pass), pass), pass);
  return conv2_(relu2_(norm2_(bottleneck, pass), pass), pass);
}

const FusedLayer& DenseLayer::fused(at::ScalarType precision) {
  return fused_.of(origin_of(leaves(), precision), [&] {
    return FusedLayer(NormRelu(evaluated(norm1_.tensors())), conv1_.weight(), evaluated(norm2_.tensors()),
                      conv2_.weight(), precision);
  });
}

TrainedLayer DenseLayer::trained() const {
  return {norm1_.tensors(), conv1_.weight(), norm2_.tensors(), conv2_.weight()};
}

Stem::Stem(at::Generator& generator)
    : Section("stem"),
      conv0_("features.conv0", 3, DenseNet121::kInitialFeatures, /*kernel=*/7, /*stride=*/2, /*padding=*/3,
             generator),
      norm0_("features.norm0", DenseNet121::kInitialFeatures),
      relu0_("features.relu0", /*in_place=*/true),
      pool0_("features.pool0") {}

at::Tensor Stem::operator()(at::Tensor x, const Pass& pass) {
  if (may_fuse(leaves(), x, pass)) {
    const auto fuse = [this] { return FusedStem(conv0_.weight(), evaluated(norm0_.tensors())); };
    return run_fused(fused_.of(origin_of(leaves(), pass.precision), fuse), x);
  }
  if (may_train_as_one(x, pass) && !x.requires_grad()) {
    return run_trained(TrainedStem{conv0_.weight(), norm0_.tensors()}, x);
  }
  return pool0_(relu0_(norm0_(conv0_(x.to(pass.precision), pass), pass), pass), pass);
}

DenseBlock::DenseBlock(const std::string& name, std::int64_t layers, std::int64_t in,
                       at::Generator& generator)
    : Section(name) {
  layers_.reserve(layers);
  for (std::int64_t i = 0; i < layers; ++i) {
    layers_.emplace_back("features." + name + ".denselayer" + std::to_string(i + 1),
                         in + i * DenseNet121::kGrowth, generator);
  }
}

at::Tensor DenseBlock::operator()(at::Tensor x, const Pass& pass) {
  const auto changes =
      std::ranges::find_if(layers_, [&](DenseLayer& layer) { return !may_fuse(layer.leaves(), x, pass); });
  if (changes != layers_.begin()) {
    std::vector<const FusedLayer*> front;
    for (auto layer = layers_.begin(); layer != changes; ++layer) {
      front.push_back(&layer->fused(pass.precision));
    }
    x = run_fused(front, x);
  }
  const std::span<DenseLayer> rest(changes, layers_.end());
  if (rest.empty()) return x;
  if (may_train_as_one(x, pass)) {
    std::vector<TrainedLayer> trained;
    for (const DenseLayer& layer : rest) trained.push_back(layer.trained());
    return run_trained(trained, pass.precision, x);
  }
  x = x.to(pass.precision);
  for (DenseLayer& layer : rest) x = at::cat({x, layer(x, pass)}, /*dim=*/1);
  return x;
}

std::vector<Layer*> DenseBlock::leaves() {
  std::vector<Layer*> leaves;
  for (DenseLayer& layer : layers_) {
    const std::vector<Layer*> more = layer.leaves();
    leaves.insert(leaves.end(), more.begin(), more.end());
  }
  return leaves;
}

Transition::Transition(const std::string& name, std::int64_t in, at::Generator& generator)
    : Section(name),
      norm_("features." + name + ".norm", in),
      relu_("features." + name + ".relu", /*in_place=*/true),
      conv_("features." + name + ".conv", in, in / 2, /*kernel=*/1, /*stride=*/1, /*padding=*/0, generator),
      pool_("features." + name + ".pool") {}

at::Tensor Transition::operator()(at::Tensor x, const Pass& pass) {
  if (may_fuse(leaves(), x, pass)) {
    const auto fuse = [&] {
      return FusedTransition(NormRelu(evaluated(norm_.tensors())), conv_.weight(), pass.precision);
    };
    return run_fused(fused_.of(origin_of(leaves(), pass.precision), fuse), x);
  }
  if (may_train_as_one(x, pass)) {
    return run_trained(norm_.tensors(), conv_.weight(), pass.precision, x);
  }
  return pool_(conv_(relu_(norm_(x.to(pass.precision), pass), pass), pass), pass);
}

LastNorm::LastNorm() : Section("norm5"), norm5_("features.norm5", DenseNet121::kFeatures) {}

at::Tensor LastNorm::operator()(at::Tensor x, const Pass& pass) { return at::relu(norm5_(x, pass)); }

}  // namespace torch_tl
