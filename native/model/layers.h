#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "executors/layer_tensors.h"

namespace torch_tl {

class Layer;
namespace gpu {
class Primitives;
}

/** How a piece of work computes. Every call states it; the engine keeps no such settings. */
struct Computation {
  at::ScalarType precision = at::kFloat;  // of images and products: float32 or bfloat16
  bool own_kernels = true;                // false uses LibTorch's operators alone
  /** Has the GPU's executors run over these on any device: for tests. By default the device decides. */
  const gpu::Primitives* primitives = nullptr;
};

/** Settings of a forward pass, which every layer receives. */
struct ForwardContext {
  explicit ForwardContext(const Computation& computation)
      : precision(computation.precision),
        own_kernels(computation.own_kernels),
        primitives(computation.primitives) {}
  /** Whether an executor may stand in for several layers. */
  bool allows_executors() const { return own_kernels && !observer; }

  /** Uses batch statistics in unfrozen batch norms, and dropout. */
  bool training = false;
  /** Precision of products. The backbone sets it to that of its input. */
  at::ScalarType precision;
  bool own_kernels;
  const gpu::Primitives* primitives;
  /** Draws the dropout masks; needed in training only. */
  at::Generator dropout_generator;
  /** Called with every leaf layer and its output, in order. */
  std::function<void(const Layer&, const at::Tensor&)> observer;
};

/** A parameter or a buffer by its full torchvision name. */
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

/** A leaf of the network: `describe` lists it, and it is frozen or trained as a whole. */
class Layer {
 public:
  Layer(std::string name, const char* type) : name_(std::move(name)), type_(type) {}
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  Layer(Layer&&) = default;
  Layer& operator=(Layer&&) = delete;
  virtual ~Layer() = default;

  at::Tensor operator()(const at::Tensor& x, const ForwardContext& context) {
    at::Tensor y = forward(x, context);
    if (context.observer) context.observer(*this, y);
    return y;
  }

  const std::string& name() const { return name_; }
  const char* type() const { return type_; }

  /** The tensors that an optimiser may change, in torchvision's order. */
  virtual std::vector<NamedTensor> parameters() const { return {}; }
  /** The running statistics. */
  virtual std::vector<NamedTensor> buffers() const { return {}; }
  /** Moves parameters and buffers to `device`, once, before anything trains. */
  virtual void to(at::Device /*device*/) {}

  /** False for a frozen layer, whose parameters get no gradient and whose running statistics never change. */
  bool trainable() const { return trainable_; }
  void set_trainable(bool trainable);
  /** Whether training changes anything in the layer. */
  bool trains() const { return trainable_ && !parameters().empty(); }

  /**
   * Must be called before anything writes the layer's tensors. LibTorch cannot tell: its fused optimisers do
   * not raise a tensor's version.
   */
  void about_to_change() { ++generation_; }
  /**
   * A number that grows with every change: weights prepared from the tensors are valid for one generation.
   */
  std::uint64_t generation() const { return generation_; }

 protected:
  virtual at::Tensor forward(const at::Tensor& x, const ForwardContext& context) = 0;
  std::string member(const char* tensor) const { return name_ + "." + tensor; }

 private:
  std::string name_;
  const char* type_;
  bool trainable_ = true;
  std::uint64_t generation_ = 0;
};

struct Conv2dShape {
  std::int64_t in = 0;  // channels
  std::int64_t out = 0;
  std::int64_t kernel = 1;  // side
  std::int64_t stride = 1;
  std::int64_t padding = 0;
};

/** Convolution without bias: `[n, in, h, w] -> [n, out, h', w']`. */
class Conv2d final : public Layer {
 public:
  /** Draws PyTorch's default initial weight, `kaiming_uniform_(a=sqrt(5))`. */
  Conv2d(std::string name, const Conv2dShape& shape, at::Generator& generator);
  /** Draws torchvision's initial weight in its place, `kaiming_normal_`. */
  void initialise(at::Generator& generator);
  std::vector<NamedTensor> parameters() const override { return {{member("weight"), weight_}}; }
  void to(at::Device device) override;
  const at::Tensor& weight() const { return weight_; }

 protected:
  at::Tensor forward(const at::Tensor& x, const ForwardContext& context) override;

 private:
  at::Tensor weight_;  // [out, in, kernel, kernel], channels last
  std::array<std::int64_t, 2> stride_;
  std::array<std::int64_t, 2> padding_;
};

/** Batch normalisation over `[n, c]` or `[n, c, h, w]`, with PyTorch's constants. */
class BatchNorm final : public Layer {
 public:
  BatchNorm(std::string name, std::int64_t channels);
  std::vector<NamedTensor> parameters() const override {
    return {{member("weight"), tensors_.weight}, {member("bias"), tensors_.bias}};
  }
  std::vector<NamedTensor> buffers() const override {
    return {{member("running_mean"), tensors_.running_mean},
            {member("running_var"), tensors_.running_var},
            {member("num_batches_tracked"), tensors_.num_batches_tracked}};
  }
  void to(at::Device device) override;
  const NormTensors& tensors() const { return tensors_; }

 protected:
  at::Tensor forward(const at::Tensor& x, const ForwardContext& context) override;

 private:
  NormTensors tensors_;
};

/** Dense layer: `[n, in] -> [n, out]`. */
class Linear final : public Layer {
 public:
  /** Draws PyTorch's default initial weight and bias, then sets the bias to 0 as torchvision does. */
  Linear(std::string name, std::int64_t in, std::int64_t out, at::Generator& generator);
  std::vector<NamedTensor> parameters() const override {
    return {{member("weight"), weight_}, {member("bias"), bias_}};
  }
  void to(at::Device device) override;
  const at::Tensor& weight() const { return weight_; }
  const at::Tensor& bias() const { return bias_; }

 protected:
  at::Tensor forward(const at::Tensor& x, const ForwardContext& context) override;

 private:
  at::Tensor weight_;  // [out, in]
  at::Tensor bias_;    // [out]
};

class ReLU final : public Layer {
 public:
  /** `in_place` overwrites the input, which nothing else may then use. */
  explicit ReLU(std::string name, bool in_place = false)
      : Layer(std::move(name), "ReLU"), in_place_(in_place) {}

 protected:
  at::Tensor forward(const at::Tensor& x, const ForwardContext& context) override;

 private:
  bool in_place_;
};

/** Max pool with 3x3 windows, stride 2 and padding 1. */
class MaxPool2d final : public Layer {
 public:
  explicit MaxPool2d(std::string name) : Layer(std::move(name), "MaxPool2d") {}

 protected:
  at::Tensor forward(const at::Tensor& x, const ForwardContext& context) override;
};

/** Average pool with 2x2 windows and stride 2. */
class AvgPool2d final : public Layer {
 public:
  explicit AvgPool2d(std::string name) : Layer(std::move(name), "AvgPool2d") {}

 protected:
  at::Tensor forward(const at::Tensor& x, const ForwardContext& context) override;
};

/** The mean over height and width: `[n, c, h, w] -> [n, c]`. */
class GlobalAveragePool final : public Layer {
 public:
  explicit GlobalAveragePool(std::string name) : Layer(std::move(name), "GlobalAveragePool") {}

 protected:
  at::Tensor forward(const at::Tensor& x, const ForwardContext& context) override;
};

/** `[n, c, h, w] -> [n, c * h * w]`, channel by channel. */
class Flatten final : public Layer {
 public:
  explicit Flatten(std::string name) : Layer(std::move(name), "Flatten") {}

 protected:
  at::Tensor forward(const at::Tensor& x, const ForwardContext& context) override;
};

/** In training, sets each value to 0 with probability `rate` and scales the others by `1 / (1 - rate)`. */
class Dropout final : public Layer {
 public:
  Dropout(std::string name, double rate) : Layer(std::move(name), "Dropout"), rate_(rate) {}

 protected:
  at::Tensor forward(const at::Tensor& x, const ForwardContext& context) override;

 private:
  double rate_;
};

}  // namespace torch_tl
