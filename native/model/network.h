#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/MemoryFormat.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/densenet.h"
#include "model/execution.h"
#include "model/head.h"

namespace torch_tl {

struct NetworkOptions {
  std::int64_t image_size = 0;
  std::vector<HeadLayer> head;
  std::uint64_t seed = 0;
  std::array<float, 3> mean{};  // per channel, of pixels scaled to 0..1
  std::array<float, 3> std{};   // likewise
  at::Device device = at::kCPU;
};

struct LayerDescription {
  std::string name;
  std::string type;
  std::vector<std::int64_t> output_shape;  // without the batch dimension
  std::int64_t parameters = 0;
  bool trainable = false;
};

/** A backbone, a head and the preprocessing in front of them. Its floating-point tensors are float32. */
class Network {
 public:
  explicit Network(const NetworkOptions& options);

  const at::Device& device() const { return device_; }
  /** Side in pixels of the square images that the network takes. */
  std::int64_t image_size() const { return image_size_; }
  std::int64_t classes() const { return head_.classes(); }

  /** Resizes (bilinearly), scales and normalises: uint8 [n, h, w, 3] -> [n, 3, side, side] in `precision`. */
  at::Tensor preprocess(const at::Tensor& pixels, at::ScalarType precision) const;
  /**
   * Scales and normalises float32 [n, 3, h, w] in 0..255, which it overwrites, and converts to `precision`.
   */
  at::Tensor normalise(const at::Tensor& images, at::ScalarType precision) const;
  /** Preprocessed images -> the backbone's last map, contiguous [n, 1024, h, w]. */
  at::Tensor features(const at::Tensor& images, const ForwardContext& context);
  /** The backbone's last map -> logits [n, classes], float32. */
  at::Tensor logits(const at::Tensor& features, const ForwardContext& context);

  /*
   * A cut is a place between the backbone's sections, given as the number of sections in front of it. At cut
   * 0 are preprocessed images, behind all sections the backbone's last map. The last cut is behind the head's
   * first layer, which has no parameters: there each image has a vector.
   */

  /** The last cut with no layer in front of it that trains. */
  std::size_t frozen_cut() const;
  /** The name of the section or layer in front of a cut other than 0, such as `denseblock3`. */
  const std::string& cut_name(std::size_t cut) const;
  /**
   * The memory format of maps [n, c, h, w] at a cut: channels last within the backbone, contiguous behind it,
   * as vectors [n, c] are.
   */
  at::MemoryFormat cut_format(std::size_t cut) const;
  /** Preprocessed images -> the maps at a cut, in evaluation mode and without gradients. */
  at::Tensor prefix(const at::Tensor& images, std::size_t cut, const Computation& computation);
  /** The maps at a cut -> logits [n, classes], float32. */
  at::Tensor logits_from(const at::Tensor& maps, std::size_t cut, const ForwardContext& context);

  const std::vector<Layer*>& leaves() const { return leaves_; }
  std::vector<NamedTensor> trainable_parameters() const;
  /** Parameters and buffers in torchvision's order. */
  std::vector<NamedTensor> tensors() const;
  /** Contiguous copies on the host of all `tensors()`. */
  std::vector<NamedTensor> snapshot() const;
  /** Likewise of the tensors of the unfrozen layers alone, or of the frozen ones. */
  std::vector<NamedTensor> snapshot(bool trainable) const;
  /** Copies values in. Throws std::invalid_argument for a name or shape that is not among `tensors()`. */
  void load(const std::vector<NamedTensor>& values);
  /** Must be called before tensors of layers that train are written in any other way than by `load`. */
  void about_to_train();

  /** Freezes or unfreezes the leaf `name` and every leaf under it; returns how many it matched. */
  std::int64_t set_trainable(const std::string& name, bool trainable);
  /** Unfreezes the leaves of these names and freezes every other. */
  void set_only_trainable(const std::vector<std::string>& names);

  /** Describes every layer, from a forward pass over one black image. */
  std::vector<LayerDescription> describe();

 private:
  std::int64_t image_size_;
  at::Device device_;
  DenseNet121 backbone_;
  Head head_;
  Execution execution_;
  std::vector<Layer*> leaves_;
  at::Tensor scale_;  // float32 [1, 3, 1, 1]; preprocessing computes pixels * scale + shift
  at::Tensor shift_;

  Network(const NetworkOptions& options, at::Generator generator);
  /** The cut behind the backbone. */
  std::size_t backbone_cut() const { return backbone_.sections().size(); }
  /** The maps at cut `begin` -> the maps at cut `end`, neither of which is in the head. */
  at::Tensor run(const at::Tensor& maps, std::size_t begin, std::size_t end, const ForwardContext& context);
};

}  // namespace torch_tl
