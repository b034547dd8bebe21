#include "model/densenet.h"

#include <algorithm>
#include <array>

#include "model/sections.h"

namespace torch_tl {
namespace {

constexpr std::array<std::int64_t, 4> kBlockLayers{6, 12, 24, 16};

}  // namespace

bool Section::trains() { return std::ranges::any_of(leaves(), &Layer::trains); }

void Section::about_to_train() {
  for (Layer* leaf : leaves()) {
    if (leaf->trains()) leaf->about_to_change();
  }
}

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

std::size_t DenseNet121::frozen_cut() const {
  const auto first = std::ranges::find_if(sections_, [](const auto& section) { return section->trains(); });
  return static_cast<std::size_t>(first - sections_.begin());
}

at::Tensor DenseNet121::run(at::Tensor x, std::size_t begin, std::size_t end, const Pass& pass) {
  Pass in_precision = pass;
  in_precision.precision = x.scalar_type();
  const std::size_t cut = frozen_cut();
  for (std::size_t i = begin; i < end; ++i) {
    Section& section = *sections_.at(i);
    // Running statistics move in such a pass, and a step along its gradients mostly follows.
    if (pass.training) section.about_to_train();
    x = section(std::move(x), in_precision);
    // Features may be kept here: with and without a cache the same values go on.
    if (i + 1 == cut) x = x.to(in_precision.precision);
  }
  return x.to(in_precision.precision);
}

std::vector<Layer*> DenseNet121::leaves() {
  std::vector<Layer*> leaves;
  for (const auto& section : sections_) {
    const std::vector<Layer*> more = section->leaves();
    leaves.insert(leaves.end(), more.begin(), more.end());
  }
  return leaves;
}

}  // namespace torch_tl
