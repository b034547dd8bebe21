#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/layers.h"

namespace torch_tl {

/*
 * DenseNet-121 (Huang et al. 2016, https://arxiv.org/abs/1608.06993) under torchvision's names. Shapes are
 * [n, channels, h, w], in channels-last memory.
 */

/** A part of the backbone; at its end the maps can be cut off, kept, and run on from later. */
class Section {
 public:
  explicit Section(std::string name) : name_(std::move(name)) {}
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;
  Section(Section&&) = delete;
  Section& operator=(Section&&) = delete;
  virtual ~Section() = default;

  /** Without torchvision's `features.` in front. */
  const std::string& name() const { return name_; }
  /** x and the result are float32 or of the pass's precision. */
  virtual at::Tensor operator()(at::Tensor x, const Pass& pass) = 0;
  virtual std::vector<Layer*> leaves() = 0;
  /** Whether something in it changes in training. */
  bool trains();
  /** Says of each layer that trains that its tensors are about to change. */
  void about_to_train();

 private:
  std::string name_;
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

  /** Side of the last map for images of `image_size` pixels: 155 -> 78 -> 39 -> 19 -> 9 -> 4. */
  static std::int64_t output_side(std::int64_t image_size);

  /** Draws PyTorch's default weights; torchvision's follow with `initialise`, after the head is made. */
  explicit DenseNet121(at::Generator& generator);
  /** `kaiming_normal_` over the convolutions, in order. */
  void initialise(at::Generator& generator);

  /** stem, denseblock1, transition1, ..., denseblock4, norm5. */
  const std::vector<std::unique_ptr<Section>>& sections() const { return sections_; }
  /** How many sections are in front of the first that trains. */
  std::size_t frozen_cut() const;
  /** Runs the sections [begin, end) in the precision of x: images [n, 3, side, side] -> ... -> the last map
   * [n, 1024, h, w]. */
  at::Tensor run(at::Tensor x, std::size_t begin, std::size_t end, const Pass& pass);
  std::vector<Layer*> leaves();

 private:
  std::vector<std::unique_ptr<Section>> sections_;
};

}  // namespace torch_tl
