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
#include "model/head.h"

namespace torch_tl {

struct NetworkOptions {
  std::int64_t image_size = 0;
  std::vector<HeadLayer> head;
  std::uint64_t seed = 0;
  std::array<float, 3> mean{};  // a channel, of pixels scaled to 0..1
  std::array<float, 3> std{};
  at::Device device = at::kCPU;
};

struct LayerDescription {
  std::string name;
  std::string type;
  std::vector<std::int64_t> output_shape;  // without the batch dimension
  std::int64_t parameters = 0;
  bool trainable = false;
};

/** The backbone, a head and the preprocessing in front of them. Floating tensors are float32. */
class Network {
 public:
  explicit Network(const NetworkOptions& options);

  const at::Device& device() const { return device_; }
  /** Side in pixels of the square images that it takes. */
  std::int64_t image_size() const { return image_size_; }
  std::int64_t classes() const { return head_.classes(); }

  /** uint8 [n, h, w, 3] -> [n, 3, side, side] in `precision`: resized (bilinear), scaled and normalised. */
  at::Tensor preprocess(const at::Tensor& pixels, at::ScalarType precision) const;
  /** The last part of it: float32 [n, 3, h, w] in 0..255, which are overwritten, scaled and normalised. */
  at::Tensor normalise(const at::Tensor& images, at::ScalarType precision) const;
  /** Preprocessed images -> the backbone's last map, contiguous [n, 1024, h, w]. */
  at::Tensor features(const at::Tensor& images, const Pass& pass);
  /** The backbone's last map -> logits [n, classes], float32. */
  at::Tensor logits(const at::Tensor& features, const Pass& pass);

  /*
   * A cut is how many of the backbone's sections are in front of it: at 0 there are preprocessed images,
   * after the last section its last map.
   */

  /** The last cut before which no layer trains. */
  std::size_t frozen_cut() const { return backbone_.frozen_cut(); }
  /** The section in front of a cut other than 0, such as `denseblock3`. */
  const std::string& cut_name(std::size_t cut) const { return backbone_.sections().at(cut - 1)->name(); }
  /** How maps [n, c, h, w] lie in memory at a cut: contiguous at the last one, else channels last. */
  at::MemoryFormat cut_format(std::size_t cut) const;
  /** Preprocessed images -> the maps at a cut, in evaluation mode and without gradients. */
  at::Tensor prefix(const at::Tensor& images, std::size_t cut, const Computation& computation);
  /** The maps at a cut -> logits [n, classes], float32. */
  at::Tensor logits_from(const at::Tensor& maps, std::size_t cut, const Pass& pass);

  const std::vector<Layer*>& leaves() const { return leaves_; }
  std::vector<NamedTensor> trainable_parameters() const;
  /** Parameters and buffers in torchvision's order. */
  std::vector<NamedTensor> tensors() const;
  /** Copies on the host, contiguous, of all `tensors()`. */
  std::vector<NamedTensor> snapshot() const;
  /** Those of the layers that train, or of the others. */
  std::vector<NamedTensor> snapshot(bool trainable) const;
  /** Copies values in; throws std::invalid_argument for a name or shape that is not among `tensors()`. */
  void load(const std::vector<NamedTensor>& values);
  /** Says that the tensors of all layers that train are about to get other values: whoever writes them by
   * another way than `load` calls it each time. */
  void about_to_train();

  /** Freezes or unfreezes the leaf `name` and every leaf under it; gives how many there are. */
  std::int64_t set_trainable(const std::string& name, bool trainable);
  /** Unfreezes the leaves of these names and freezes every other. */
  void set_only_trainable(const std::vector<std::string>& names);

  /** Runs one black image through and reports every layer. */
  std::vector<LayerDescription> describe();

 private:
  std::int64_t image_size_;
  at::Device device_;
  DenseNet121 backbone_;
  Head head_;
  std::vector<Layer*> leaves_;
  at::Tensor scale_;  // float32 [1, 3, 1, 1]: preprocessing is pixels * scale + shift
  at::Tensor shift_;

  Network(const NetworkOptions& options, at::Generator generator);
  std::size_t last_cut() const { return backbone_.sections().size(); }
  /** From the maps at one cut to those at another. */
  at::Tensor run(const at::Tensor& maps, std::size_t begin, std::size_t end, const Pass& pass);
};

}  // namespace torch_tl
