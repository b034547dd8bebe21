#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "model/layers.h"

namespace torch_tl {

/*
 * DenseNet-121 (Huang et al. 2016, https://arxiv.org/abs/1608.06993) as the paper draws it, under
 * torchvision's names: every layer by itself, over LibTorch's operators. model/execution.h runs it, faster
 * where it can. Maps are [n, channels, height, width], channels last, in the precision of the context.
 */

/** New channels per dense layer, the paper's k. */
inline constexpr std::int64_t kGrowth = 32;
/** Channels of a dense layer's bottleneck. */
inline constexpr std::int64_t kBottleneck = 4 * kGrowth;
/** Channels of the stem's output. */
inline constexpr std::int64_t kStemFeatures = 64;
/** Channels of the last map. */
inline constexpr std::int64_t kFeatures = 1024;

/** A part of the backbone. Between sections the maps can be kept, and the rest run on them later. */
class Section {
 public:
  explicit Section(std::string name) : name_(std::move(name)) {}
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;
  Section(Section&&) = delete;
  Section& operator=(Section&&) = delete;
  virtual ~Section() = default;

  /** torchvision's name without the leading `features.`; torchvision has no name for the stem. */
  const std::string& name() const { return name_; }
  virtual std::vector<Layer*> leaves() = 0;
  /** Whether training changes anything in the section. */
  bool trains();
  /** Must be called before training changes the tensors of the layers that train. */
  void about_to_train();

 private:
  std::string name_;
};

/** A convolution and a pool, each of which halves the sides: [n, 3, h, w] -> [n, 64, h / 4, w / 4]. */
class Stem final : public Section {
 public:
  explicit Stem(at::Generator& generator);
  at::Tensor operator()(const at::Tensor& x, const ForwardContext& context);
  std::vector<Layer*> leaves() override { return {&conv0, &norm0, &relu0, &pool0}; }

  Conv2d conv0;
  BatchNorm norm0;
  ReLU relu0;
  MaxPool2d pool0;
};

/**
 * The composite function of section 3 with a bottleneck (DenseNet-B): norm, ReLU and 1x1 convolution to 4k
 * channels; norm, ReLU and 3x3 convolution to k channels, which are appended: [n, in, h, w] -> [n, in + k, h,
 * w].
 */
class DenseLayer {
 public:
  DenseLayer(const std::string& name, std::int64_t in, at::Generator& generator);
  at::Tensor operator()(const at::Tensor& x, const ForwardContext& context);
  std::vector<Layer*> leaves() { return {&norm1, &relu1, &conv1, &norm2, &relu2, &conv2}; }

  BatchNorm norm1;
  ReLU relu1;
  Conv2d conv1;
  BatchNorm norm2;
  ReLU relu2;
  Conv2d conv2;
};

/** Dense layers, each of which reads the maps of all layers before it. */
class DenseBlock final : public Section {
 public:
  DenseBlock(const std::string& name, std::int64_t count, std::int64_t in, at::Generator& generator);
  std::vector<Layer*> leaves() override;

  std::vector<DenseLayer> layers;
};

/** Halves channels and sides between blocks (section 3, DenseNet-C with compression 0.5). */
class Transition final : public Section {
 public:
  Transition(const std::string& name, std::int64_t in, at::Generator& generator);
  at::Tensor operator()(const at::Tensor& x, const ForwardContext& context);
  std::vector<Layer*> leaves() override { return {&norm, &relu, &conv, &pool}; }

  BatchNorm norm;
  ReLU relu;
  Conv2d conv;
  AvgPool2d pool;
};

/** norm5 and the ReLU behind it, which in torchvision is outside `features`. */
class LastNorm final : public Section {
 public:
  LastNorm();
  at::Tensor operator()(const at::Tensor& x, const ForwardContext& context);
  std::vector<Layer*> leaves() override { return {&norm5}; }

  BatchNorm norm5;
};

/** The network without its classifier: images [n, 3, side, side] -> the last map [n, 1024, h, w]. */
class DenseNet121 {
 public:
  /**
   * Side of the last map for images of `image_size` pixels, e.g. 4 for 155: 155 -> 78 -> 39 -> 19 -> 9 -> 4.
   */
  static std::int64_t output_side(std::int64_t image_size);

  /** Draws PyTorch's default weights; torchvision's follow with `initialise`, after the head is made. */
  explicit DenseNet121(at::Generator& generator);
  /** Draws `kaiming_normal_` weights for the convolutions, in order. */
  void initialise(at::Generator& generator);

  /** In the order in which they run: stem, denseblock1, transition1, ..., denseblock4, norm5. */
  const std::vector<Section*>& sections() const { return sections_; }
  /** The number of sections before the first that trains. */
  std::size_t frozen_cut() const;
  std::vector<Layer*> leaves();

  Stem stem;
  std::deque<DenseBlock> blocks;       // denseblock1 to denseblock4
  std::deque<Transition> transitions;  // transition1 to transition3, each behind the block of its number
  LastNorm last_norm;

 private:
  std::vector<Section*> sections_;
};

}  // namespace torch_tl
