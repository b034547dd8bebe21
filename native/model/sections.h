#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "executors/fused_block.h"
#include "executors/fused_stem.h"
#include "executors/trained_block.h"
#include "executors/trained_stem.h"
#include "executors/transition.h"
#include "model/densenet.h"

namespace torch_tl {

/* The sections of DenseNet-121. Each runs its layers one by one, or the executors that compute the same. */

/** Which values of some layers' tensors something is made of, and for products in which precision. */
struct Origin {
  std::uint64_t generation = 0;  // the layers', added up
  at::ScalarType precision = at::kFloat;
  bool operator==(const Origin&) const = default;
};

/** What was made of layers' tensors, kept for as long as these do not change. */
template <typename Value>
class Kept {
 public:
  /** Made anew, without gradients, where it is of another origin. */
  template <typename Make>
  const Value& of(const Origin& origin, Make make) {
    if (!value_ || origin != origin_) {
      const at::NoGradGuard no_grad;
      value_.emplace(make());
      origin_ = origin;
    }
    return *value_;
  }

 private:
  std::optional<Value> value_;
  Origin origin_;
};

/** BN, ReLU, 1x1 convolution to 4k channels; BN, ReLU, 3x3 convolution to k new ones (section 3, DenseNet-B).
 */
class DenseLayer {
 public:
  DenseLayer(const std::string& name, std::int64_t in, at::Generator& generator);
  at::Tensor operator()(const at::Tensor& x, const Pass& pass);
  std::vector<Layer*> leaves() { return {&norm1_, &relu1_, &conv1_, &norm2_, &relu2_, &conv2_}; }
  const FusedLayer& fused(at::ScalarType precision);
  TrainedLayer trained() const;

 private:
  BatchNorm norm1_;
  ReLU relu1_;
  Conv2d conv1_;
  BatchNorm norm2_;
  ReLU relu2_;
  Conv2d conv2_;
  Kept<FusedLayer> fused_;
};

/** A convolution and a pool that each halve the sides. */
class Stem final : public Section {
 public:
  explicit Stem(at::Generator& generator);
  at::Tensor operator()(at::Tensor x, const Pass& pass) override;
  std::vector<Layer*> leaves() override { return {&conv0_, &norm0_, &relu0_, &pool0_}; }

 private:
  Conv2d conv0_;
  BatchNorm norm0_;
  ReLU relu0_;
  MaxPool2d pool0_;
  Kept<FusedStem> fused_;
};

/** Every layer sees the maps of all layers before it: x, then k more channels a layer. */
class DenseBlock final : public Section {
 public:
  DenseBlock(const std::string& name, std::int64_t layers, std::int64_t in, at::Generator& generator);
  at::Tensor operator()(at::Tensor x, const Pass& pass) override;
  std::vector<Layer*> leaves() override;

 private:
  std::vector<DenseLayer> layers_;
};

/** Halves channels and sides between blocks (compression 0.5, DenseNet-C). */
class Transition final : public Section {
 public:
  Transition(const std::string& name, std::int64_t in, at::Generator& generator);
  at::Tensor operator()(at::Tensor x, const Pass& pass) override;
  std::vector<Layer*> leaves() override { return {&norm_, &relu_, &conv_, &pool_}; }

 private:
  BatchNorm norm_;
  ReLU relu_;
  Conv2d conv_;
  AvgPool2d pool_;
  Kept<FusedTransition> fused_;
};

/** norm5 and the ReLU that torchvision has outside `features`. */
class LastNorm final : public Section {
 public:
  LastNorm();
  at::Tensor operator()(at::Tensor x, const Pass& pass) override;
  std::vector<Layer*> leaves() override { return {&norm5_}; }

 private:
  BatchNorm norm5_;
};

}  // namespace torch_tl
