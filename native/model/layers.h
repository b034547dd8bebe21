#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "executors/norm_tensors.h"

namespace torch_tl {

class Layer;

/** How a piece of work computes: it says so itself, and nothing else does. */
struct Computation {
  at::ScalarType precision = at::kFloat;  // of images and products: float32 or bfloat16
  bool own_kernels = true;  // executors where there are some; else the modules alone, over LibTorch's operators
};

/** What a forward pass carries through every layer. */
struct Pass {
  explicit Pass(const Computation& computation)
      : precision(computation.precision), own_kernels(computation.own_kernels) {}
  /** Whether an executor may stand in for several modules. */
  bool allows_executors() const { return own_kernels && !observer; }

  /** Batch statistics in unfrozen batch norms, and dropout. */
  bool training = false;
  /** Of products. The backbone sets it to that of its input. */
  at::ScalarType precision;
  bool own_kernels;
  /** Draws the dropout masks; needed in training only. */
  at::Generator dropout_generator;
  /** Hears of every leaf layer and its output, in order. */
  std::function<void(const Layer&, const at::Tensor&)> observer;
};

/** A parameter or a buffer by its full, torchvision name. */
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

/** A leaf of the network: what `describe` lists, and what is frozen or trained as one. */
class Layer {
 public:
  Layer(std::string name, const char* type) : name_(std::move(name)), type_(type) {}
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  Layer(Layer&&) = default;
  Layer& operator=(Layer&&) = delete;
  virtual ~Layer() = default;

  at::Tensor operator()(const at::Tensor& x, const Pass& pass) {
    at::Tensor y = forward(x, pass);
    if (pass.observer) pass.observer(*this, y);
    return y;
  }

  const std::string& name() const { return name_; }
  const char* type() const { return type_; }

  /** Tensors that an optimiser may change, in torchvision's order. */
  virtual std::vector<NamedTensor> parameters() const { return {}; }
  /** Running statistics. */
  virtual std::vector<NamedTensor> buffers() const { return {}; }
  /** Moves parameters and buffers to `device`, once, before anything trains. */
  virtual void to(at::Device /*device*/) {}

  /** A frozen layer's parameters get no gradient, and its running statistics stand still. */
  bool trainable() const { return trainable_; }
  void set_trainable(bool trainable);
  /** Whether there is something in it that changes in training. */
  bool trains() const { return trainable_ && !parameters().empty(); }

  /** Says that its tensors are about to get other values. LibTorch does not tell: its optimisers write past
   * autograd, and leave a tensor's version as it was. */
  void about_to_change() { ++generation_; }
  /** Grows with every change: what was made of its tensors holds for one generation. */
  std::uint64_t generation() const { return generation_; }

 protected:
  virtual at::Tensor forward(const at::Tensor& x, const Pass& pass) = 0;
  std::string member(const char* tensor) const { return name_ + "." + tensor; }

 private:
  std::string name_;
  const char* type_;
  bool trainable_ = true;
  std::uint64_t generation_ = 0;
};

/** Convolution without bias; `[n, in, h, w] -> [n, out, h', w']`. */
class Conv2d final : public Layer {
 public:
  /** Draws PyTorch's default initial weight, `kaiming_uniform_(a=sqrt(5))`. */
  Conv2d(std::string name, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
         std::int64_t padding, at::Generator& generator);
  /** Draws torchvision's own initial weight over it, `kaiming_normal_`. */
  void initialise(at::Generator& generator);
  std::vector<NamedTensor> parameters() const override { return {{member("weight"), weight_}}; }
  void to(at::Device device) override;
  const at::Tensor& weight() const { return weight_; }

 protected:
  at::Tensor forward(const at::Tensor& x, const Pass& pass) override;

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
  at::Tensor forward(const at::Tensor& x, const Pass& pass) override;

 private:
  NormTensors tensors_;
};

/** `[n, in] -> [n, out]` */
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
  at::Tensor forward(const at::Tensor& x, const Pass& pass) override;

 private:
  at::Tensor weight_;  // [out, in]
  at::Tensor bias_;    // [out]
};

class ReLU final : public Layer {
 public:
  /** `in_place` overwrites its input, which must then be nobody else's. */
  explicit ReLU(std::string name, bool in_place = false)
      : Layer(std::move(name), "ReLU"), in_place_(in_place) {}

 protected:
  at::Tensor forward(const at::Tensor& x, const Pass& pass) override;

 private:
  bool in_place_;
};

/** 3x3, stride 2, padding 1: the stem's. */
class MaxPool2d final : public Layer {
 public:
  explicit MaxPool2d(std::string name) : Layer(std::move(name), "MaxPool2d") {}

 protected:
  at::Tensor forward(const at::Tensor& x, const Pass& pass) override;
};

/** 2x2, stride 2: the transitions'. */
class AvgPool2d final : public Layer {
 public:
  explicit AvgPool2d(std::string name) : Layer(std::move(name), "AvgPool2d") {}

 protected:
  at::Tensor forward(const at::Tensor& x, const Pass& pass) override;
};

/** `[n, c, h, w] -> [n, c]`, the mean over height and width. */
class GlobalAveragePool final : public Layer {
 public:
  explicit GlobalAveragePool(std::string name) : Layer(std::move(name), "GlobalAveragePool") {}

 protected:
  at::Tensor forward(const at::Tensor& x, const Pass& pass) override;
};

/** `[n, c, h, w] -> [n, c * h * w]`, channel by channel. */
class Flatten final : public Layer {
 public:
  explicit Flatten(std::string name) : Layer(std::move(name), "Flatten") {}

 protected:
  at::Tensor forward(const at::Tensor& x, const Pass& pass) override;
};

/** In training, zeroes each value with probability `rate` and scales the rest by `1 / (1 - rate)`. */
class Dropout final : public Layer {
 public:
  Dropout(std::string name, double rate) : Layer(std::move(name), "Dropout"), rate_(rate) {}

 protected:
  at::Tensor forward(const at::Tensor& x, const Pass& pass) override;

 private:
  double rate_;
};

}  // namespace torch_tl
