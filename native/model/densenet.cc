#include "model/densenet.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/relu.h>

#include <algorithm>
#include <array>

namespace torch_tl {
namespace {

/** Dense layers per block. */
constexpr std::array<std::int64_t, 4> kBlockLayers{6, 12, 24, 16};

void append(std::vector<Layer*>& leaves, const std::vector<Layer*>& more) {
  leaves.insert(leaves.end(), more.begin(), more.end());
}

}  // namespace

Stem::Stem(at::Generator& generator)
    : Section("stem"),
      conv0("features.conv0", {.in = 3, .out = kStemFeatures, .kernel = 7, .stride = 2, .padding = 3},
            generator),
      norm0("features.norm0", kStemFeatures),
      relu0("features.relu0", /*in_place=*/true),
      pool0("features.pool0") {}

at::Tensor Stem::operator()(const at::Tensor& x, const ForwardContext& context) {
  return pool0(relu0(norm0(conv0(x, context), context), context), context);
}

DenseLayer::DenseLayer(const std::string& name, std::int64_t in, at::Generator& generator)
    : norm1(name + ".norm1", in),
      relu1(name + ".relu1", /*in_place=*/true),
      conv1(name + ".conv1", {.in = in, .out = kBottleneck, .kernel = 1}, generator),
      norm2(name + ".norm2", kBottleneck),
      relu2(name + ".relu2", /*in_place=*/true),
      conv2(name + ".conv2", {.in = kBottleneck, .out = kGrowth, .kernel = 3, .padding = 1}, generator) {}

at::Tensor DenseLayer::operator()(const at::Tensor& x, const ForwardContext& context) {
  const at::Tensor bottleneck = conv1(relu1(norm1(x, context), context), context);
  const at::Tensor features = conv2(relu2(norm2(bottleneck, context), context), context);
  return at::cat({x, features}, /*dim=*/1);
}

DenseBlock::DenseBlock(const std::string& name, std::int64_t count, std::int64_t in, at::Generator& generator)
    : Section(name) {
  layers.reserve(count);
  for (std::int64_t i = 0; i < count; ++i) {
    layers.emplace_back("features." + name + ".denselayer" + std::to_string(i + 1), in + i * kGrowth,
                        generator);
  }
}

std::vector<Layer*> DenseBlock::leaves() {
  std::vector<Layer*> leaves;
  for (DenseLayer& layer : layers) append(leaves, layer.leaves());
  return leaves;
}

Transition::Transition(const std::string& name, std::int64_t in, at::Generator& generator)
    : Section(name),
      norm("features." + name + ".norm", in),
      relu("features." + name + ".relu", /*in_place=*/true),
      conv("features." + name + ".conv", {.in = in, .out = in / 2, .kernel = 1}, generator),
      pool("features." + name + ".pool") {}

at::Tensor Transition::operator()(const at::Tensor& x, const ForwardContext& context) {
  return pool(conv(relu(norm(x, context), context), context), context);
}

LastNorm::LastNorm() : Section("norm5"), norm5("features.norm5", kFeatures) {}

at::Tensor LastNorm::operator()(const at::Tensor& x, const ForwardContext& context) {
  return at::relu(norm5(x, context));
}

DenseNet121::DenseNet121(at::Generator& generator) : stem(generator) {
  sections_.push_back(&stem);
  std::int64_t channels = kStemFeatures;
  for (std::size_t i = 0; i < kBlockLayers.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    const std::int64_t layers = kBlockLayers.at(i);
    sections_.push_back(&blocks.emplace_back("denseblock" + number, layers, channels, generator));
    channels += layers * kGrowth;
    if (i + 1 == kBlockLayers.size()) break;
    sections_.push_back(&transitions.emplace_back("transition" + number, channels, generator));
    channels /= 2;
  }
  sections_.push_back(&last_norm);
}

void DenseNet121::initialise(at::Generator& generator) {
  for (Layer* leaf : leaves()) {
    if (auto* convolution = dynamic_cast<Conv2d*>(leaf)) convolution->initialise(generator);
  }
}

std::int64_t DenseNet121::output_side(std::int64_t image_size) {
  const auto halved_up = [](std::int64_t side) { return (side + 1) / 2; };  // conv0 and pool0 pad
  std::int64_t side = halved_up(halved_up(image_size));
  for (std::size_t i = 0; i + 1 < kBlockLayers.size(); ++i) side /= 2;
  return side;
}

std::size_t DenseNet121::frozen_cut() const {
  const auto first = std::ranges::find_if(sections_, &Section::trains);
  return static_cast<std::size_t>(first - sections_.begin());
}

std::vector<Layer*> DenseNet121::leaves() {
  std::vector<Layer*> leaves;
  for (Section* section : sections_) append(leaves, section->leaves());
  return leaves;
}

bool Section::trains() { return std::ranges::any_of(leaves(), &Layer::trains); }

void Section::about_to_train() {
  for (Layer* leaf : leaves()) {
    if (leaf->trains()) leaf->about_to_change();
  }
}

}  // namespace torch_tl
