#include <torch/custom_class.h>
#include <torch/library.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "model/network.h"

/*
 * Gives PyTorch the engine's DenseNet-121 as the class `torch.classes.torch_tl.Backbone`, once
 * `torch.classes.load_library` has loaded this library. Its executors are nodes of LibTorch's autograd graph,
 * so that `backward()` in Python goes through them.
 */

namespace torch_tl {
namespace {

/** The options of a network whose head nothing here uses. */
NetworkOptions options_of(std::int64_t seed) {
  NetworkOptions options;
  options.image_size = 64;
  options.head = {{.type = "globalAveragePool"}, {.type = "dense", .units = 1}};
  options.seed = static_cast<std::uint64_t>(seed);
  options.mean = {0.485F, 0.456F, 0.406F};
  options.std = {0.229F, 0.224F, 0.225F};
  return options;
}

bool is_of_backbone(const NamedTensor& tensor) { return tensor.name.starts_with("features."); }

/** DenseNet-121 without its classifier, on the processor. */
class Backbone : public torch::CustomClassHolder {
 public:
  /** Draws torchvision's initial weights. */
  explicit Backbone(std::int64_t seed) : network_(options_of(seed)) {}

  /**
   * Normalised images [n, 3, side, side], float32 -> the last map [n, 1024, h, w], after the ReLU, in
   * float32 or bfloat16. In training the batch's statistics normalise, and the running ones move.
   */
  at::Tensor features(const at::Tensor& images, bool training, bool bfloat16) {
    const at::ScalarType precision = bfloat16 ? at::kBFloat16 : at::kFloat;
    ForwardContext context{Computation{.precision = precision}};
    context.training = training;
    return network_.features(images.to(precision), context);
  }

  /** The parameters, then the running statistics, under torchvision's names. They share memory. */
  std::vector<std::tuple<std::string, at::Tensor>> tensors() const {
    std::vector<std::tuple<std::string, at::Tensor>> tensors;
    for (const NamedTensor& tensor : network_.tensors()) {
      if (is_of_backbone(tensor)) tensors.emplace_back(tensor.name, tensor.tensor);
    }
    return tensors;
  }

  /** Freezes or unfreezes all layers under a name, such as `features.denseblock1`. */
  void set_trainable(const std::string& name, bool trainable) { network_.set_trainable(name, trainable); }

  /** Must be called after anything but a training step has written tensors. */
  void changed() { network_.about_to_train(); }

 private:
  Network network_;
};

}  // namespace
}  // namespace torch_tl

TORCH_LIBRARY(torch_tl, library) {
  library.class_<torch_tl::Backbone>("Backbone")
      .def(torch::init<std::int64_t>())
      .def("features", &torch_tl::Backbone::features)
      .def("tensors", &torch_tl::Backbone::tensors)
      .def("set_trainable", [](const c10::intrusive_ptr<torch_tl::Backbone>& self, std::string name,
                               bool trainable) { self->set_trainable(name, trainable); })
      .def("changed", &torch_tl::Backbone::changed);
}
