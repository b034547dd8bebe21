#include "model/densenet.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/relu.h>

#include <algorithm>
#include <array>
#include <span>

#include "executors/choice.h"

namespace torch_tl {
namespace {

constexpr std::array<std::int64_t, 4> kBlockLayers{6, 12, 24, 16};

template <typename Part>
void append_leaves(std::vector<Layer*>& leaves, Part& part) {
  const std::vector<Layer*> more = part.leaves();
  leaves.insert(leaves.end(), more.begin(), more.end());
}

bool train(const std::vector<Layer*>& leaves) { return std::ranges::any_of(leaves, &Layer::trains); }

/** Of their parameters and running statistics. */
Version version_of(const std::vector<Layer*>& leaves, at::ScalarType precision) {
  std::int64_t sum = 0;
  for (const Layer* leaf : leaves) {
    for (const NamedTensor& parameter : leaf->parameters()) sum += parameter.tensor._version();
    for (const NamedTensor& buffer : leaf->buffers()) sum += buffer.tensor._version();
  }
  return {sum, precision};
}

/** Whether layers may run fused: on this input and in this pass nothing in them changes or needs gradients.
 */
bool may_fuse(const std::vector<Layer*>& leaves, const at::Tensor& x, const Pass& pass) {
  if (!may_use_executors(x) || pass.observer) return false;
  const bool gradients = at::GradMode::is_enabled();
  if (gradients && x.requires_grad()) return false;
  return (!gradients && !pass.training) || !train(leaves);
}

/** Whether all these layers train, and may do so as one. */
bool may_train_as_one(const std::vector<Layer*>& leaves, const at::Tensor& x, const Pass& pass) {
  if (!may_use_executors(x) || pass.observer) return false;
  if (!pass.training || !at::GradMode::is_enabled() || x.numel() == x.size(1)) return false;
  return std::ranges::all_of(leaves,
                             [](const Layer* leaf) { return leaf->trains() || leaf->parameters().empty(); });
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
  return fused_.at(version_of(leaves(), precision), [&] {
    return FusedLayer(NormRelu(evaluated(norm1_.tensors())), conv1_.weight(), evaluated(norm2_.tensors()),
                      conv2_.weight(), precision);
  });
}

TrainedLayer DenseLayer::trained() const {
  return {norm1_.tensors(), conv1_.weight(), norm2_.tensors(), conv2_.weight()};
}

bool Section::trains() { return train(leaves()); }

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
    return run_fused(fused_.at(version_of(leaves(), pass.precision), fuse), x);
  }
  if (may_train_as_one(leaves(), x, pass) && !x.requires_grad()) {
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
  std::vector<Layer*> leaves;
  for (DenseLayer& layer : rest) append_leaves(leaves, layer);
  if (may_train_as_one(leaves, x, pass)) {
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
  for (DenseLayer& layer : layers_) append_leaves(leaves, layer);
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
    return run_fused(fused_.at(version_of(leaves(), pass.precision), fuse), x);
  }
  if (may_train_as_one(leaves(), x, pass)) {
    return run_trained(norm_.tensors(), conv_.weight(), pass.precision, x);
  }
  return pool_(conv_(relu_(norm_(x.to(pass.precision), pass), pass), pass), pass);
}

LastNorm::LastNorm() : Section("norm5"), norm5_("features.norm5", DenseNet121::kFeatures) {}

at::Tensor LastNorm::operator()(at::Tensor x, const Pass& pass) { return at::relu(norm5_(x, pass)); }

std::int64_t DenseNet121::output_side(std::int64_t image_size) {
  const auto halved_up = [](std::int64_t side) { return (side + 1) / 2; };  // conv0 and pool0 pad
  std::int64_t side = halved_up(halved_up(image_size));
  for (std::size_t i = 0; i + 1 < kBlockLayers.size(); ++i) side /= 2;
  return side;
}

DenseNet121::DenseNet121(at::Generator& generator) {
  sections_.push_back(std::make_unique<Stem>(generator));
  std::int64_t channels = kInitialFeatures;
  for (std::size_t i = 0; i < kBlockLayers.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    const std::int64_t layers = kBlockLayers.at(i);
    sections_.push_back(std::make_unique<DenseBlock>("denseblock" + number, layers, channels, generator));
    channels += layers * kGrowth;
    if (i + 1 == kBlockLayers.size()) break;
    sections_.push_back(std::make_unique<Transition>("transition" + number, channels, generator));
    channels /= 2;
  }
  sections_.push_back(std::make_unique<LastNorm>());
}

void DenseNet121::initialise(at::Generator& generator) {
  for (Layer* leaf : leaves()) {
    if (auto* convolution = dynamic_cast<Conv2d*>(leaf)) convolution->initialise(generator);
  }
}

at::Tensor DenseNet121::run(at::Tensor x, std::size_t begin, std::size_t end, const Pass& pass) {
  Pass in_precision = pass;
  in_precision.precision = x.scalar_type();
  for (std::size_t i = begin; i < end; ++i) {
    Section& section = *sections_.at(i);
    x = section(std::move(x), in_precision);
    // Features may be kept behind what is frozen: with and without a cache the same values go on from there.
    if (!section.trains()) x = x.to(in_precision.precision);
  }
  return x.to(in_precision.precision);
}

std::vector<Layer*> DenseNet121::leaves() {
  std::vector<Layer*> leaves;
  for (const auto& section : sections_) append_leaves(leaves, *section);
  return leaves;
}

}  // namespace torch_tl
