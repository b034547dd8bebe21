#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/layers.h"

namespace torch_tl {

/*
 * DenseNet-121 (Huang et al. 2016, https://arxiv.org/abs/1608.06993) under torchvision's names. Shapes are
 * [n, channels, h, w], in channels-last memory.
 */

/** BN, ReLU, 1x1 convolution to 4k channels; BN, ReLU, 3x3 convolution to k new ones (section 3, DenseNet-B).
 */
class DenseLayer {
 public:
  DenseLayer(const std::string& name, std::int64_t in, at::Generator& generator);
  at::Tensor operator()(const at::Tensor& x, const Pass& pass);
  std::vector<Layer*> leaves() { return {&norm1_, &relu1_, &conv1_, &norm2_, &relu2_, &conv2_}; }

 private:
  BatchNorm norm1_;
  ReLU relu1_;
  Conv2d conv1_;
  BatchNorm norm2_;
  ReLU relu2_;
  Conv2d conv2_;
};

/** Every layer sees the maps of all layers before it: x, then k more channels a layer. */
class DenseBlock {
 public:
  DenseBlock(const std::string& name, std::int64_t layers, std::int64_t in, at::Generator& generator);
  at::Tensor operator()(at::Tensor x, const Pass& pass);
  std::vector<Layer*> leaves();

 private:
  std::vector<DenseLayer> layers_;
};

/** Halves channels and sides between blocks (compression 0.5, DenseNet-C). */
class Transition {
 public:
  Transition(const std::string& name, std::int64_t in, at::Generator& generator);
  at::Tensor operator()(const at::Tensor& x, const Pass& pass);
  std::vector<Layer*> leaves() { return {&norm_, &relu_, &conv_, &pool_}; }

 private:
  BatchNorm norm_;
  ReLU relu_;
  Conv2d conv_;
  AvgPool2d pool_;
};

/** The network without its classifier. */
class DenseNet121 {
 public:
  static constexpr std::int64_t kGrowth = 32;
  static constexpr std::int64_t kInitialFeatures = 64;
  static constexpr std::int64_t kBottleneck = 4;
  static constexpr std::int64_t kFeatures = 1024;
  /** Five halvings must leave a pixel. */
  static constexpr std::int64_t kSmallestImage = 32;

  /** Side of the last map for pictures of `image_size` pixels: 155 -> 78 -> 39 -> 19 -> 9 -> 4. */
  static std::int64_t output_side(std::int64_t image_size);

  /** Draws PyTorch's default weights; torchvision's follow with `initialise`, after the head is made. */
  explicit DenseNet121(at::Generator& generator);
  /** `kaiming_normal_` over the convolutions, in order. */
  void initialise(at::Generator& generator);

  /** [n, 3, side, side] -> [n, 1024, h, w], the last map after norm5 and ReLU. */
  at::Tensor operator()(const at::Tensor& x, const Pass& pass);
  std::vector<Layer*> leaves();

 private:
  Conv2d conv0_;
  BatchNorm norm0_;
  ReLU relu0_;
  MaxPool2d pool0_;
  std::vector<DenseBlock> blocks_;
  std::vector<Transition> transitions_;
  BatchNorm norm5_;
};

}  // namespace torch_tl
