#include "model/network.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <stdexcept>
#include <unordered_map>

#include "data/resample.h"

namespace torch_tl {
namespace {

at::Tensor per_channel(const std::array<float, 3>& values) {
  at::Tensor tensor = at::empty({1, 3, 1, 1}, at::kFloat);
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

void append_tensors(std::vector<NamedTensor>& tensors, const Layer& leaf) {
  for (NamedTensor& parameter : leaf.parameters()) tensors.push_back(std::move(parameter));
  for (NamedTensor& buffer : leaf.buffers()) tensors.push_back(std::move(buffer));
}

std::vector<NamedTensor> host_copies(std::vector<NamedTensor> tensors) {
  const at::NoGradGuard no_grad;
  for (NamedTensor& tensor : tensors) {
    at::Tensor host = at::empty(tensor.tensor.sizes(), tensor.tensor.scalar_type());
    tensor.tensor = host.copy_(tensor.tensor);
  }
  return tensors;
}

bool is_under(const std::string& leaf, const std::string& name) {
  return leaf == name || (leaf.starts_with(name) && leaf[name.size()] == '.');
}

}  // namespace

Network::Network(const NetworkOptions& options)
    : Network(options, at::detail::createCPUGenerator(options.seed)) {}

Network::Network(const NetworkOptions& options, at::Generator generator)
    : image_size_(options.image_size),
      device_(options.device),
      backbone_(generator),
      head_(options.head, DenseNet121::output_side(options.image_size), generator),
      execution_(backbone_, head_),
      leaves_(backbone_.leaves()) {
  backbone_.initialise(generator);
  const std::vector<Layer*> head_leaves = head_.leaves();
  leaves_.insert(leaves_.end(), head_leaves.begin(), head_leaves.end());
  for (Layer* leaf : leaves_) {
    leaf->to(device_);
    leaf->set_trainable(true);
  }
  const at::Tensor mean = per_channel(options.mean);
  const at::Tensor std = per_channel(options.std);
  scale_ = std.mul(255).reciprocal().to(device_);
  shift_ = mean.div(std).neg().to(device_);
}

at::Tensor Network::preprocess(const at::Tensor& pixels, at::ScalarType precision) const {
  return normalise(resize(pixels.permute({0, 3, 1, 2}).to(at::kFloat), image_size_), precision);
}

at::Tensor Network::normalise(const at::Tensor& images, at::ScalarType precision) const {
  const at::NoGradGuard no_grad;
  return images.mul_(scale_).add_(shift_).to(precision);
}

at::Tensor Network::features(const at::Tensor& images, const ForwardContext& context) {
  return run(images, 0, backbone_cut(), context);
}

at::Tensor Network::logits(const at::Tensor& features, const ForwardContext& context) {
  const at::Tensor vectors = execution_.run_first_of_head(features, context);
  return execution_.run_rest_of_head(vectors, context);
}

std::size_t Network::frozen_cut() const {
  const std::size_t cut = backbone_.frozen_cut();
  return cut == backbone_cut() ? cut + 1 : cut;
}

const std::string& Network::cut_name(std::size_t cut) const {
  if (cut > backbone_cut()) return head_.first().name();
  return backbone_.sections().at(cut - 1)->name();
}

at::MemoryFormat Network::cut_format(std::size_t cut) const {
  return cut >= backbone_cut() ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast;
}

at::Tensor Network::prefix(const at::Tensor& images, std::size_t cut, const Computation& computation) {
  const at::NoGradGuard no_grad;
  const ForwardContext evaluation(computation);
  if (cut <= backbone_cut()) return run(images, 0, cut, evaluation);
  return execution_.run_first_of_head(features(images, evaluation), evaluation);
}

at::Tensor Network::logits_from(const at::Tensor& maps, std::size_t cut, const ForwardContext& context) {
  if (cut > backbone_cut()) return execution_.run_rest_of_head(maps, context);
  return logits(run(maps, cut, backbone_cut(), context), context);
}

at::Tensor Network::run(const at::Tensor& maps, std::size_t begin, std::size_t end,
                        const ForwardContext& context) {
  // Each cut has one format, so that cached and fresh maps have the same strides, and sums over them agree to
  // the bit.
  const at::Tensor x = maps.contiguous(cut_format(begin));
  return execution_.run_backbone(x, begin, end, context).contiguous(cut_format(end));
}

std::vector<NamedTensor> Network::trainable_parameters() const {
  std::vector<NamedTensor> trainable;
  for (const Layer* leaf : leaves_) {
    if (!leaf->trainable()) continue;
    for (NamedTensor& parameter : leaf->parameters()) trainable.push_back(std::move(parameter));
  }
  return trainable;
}

std::vector<NamedTensor> Network::tensors() const {
  std::vector<NamedTensor> all;
  for (const Layer* leaf : leaves_) append_tensors(all, *leaf);
  return all;
}

std::vector<NamedTensor> Network::snapshot() const { return host_copies(tensors()); }

std::vector<NamedTensor> Network::snapshot(bool trainable) const {
  std::vector<NamedTensor> some;
  for (const Layer* leaf : leaves_) {
    if (leaf->trainable() == trainable) append_tensors(some, *leaf);
  }
  return host_copies(std::move(some));
}

void Network::load(const std::vector<NamedTensor>& values) {
  const at::NoGradGuard no_grad;
  std::unordered_map<std::string, at::Tensor> targets;
  for (const NamedTensor& target : tensors()) targets.emplace(target.name, target.tensor);
  for (const NamedTensor& value : values) {
    const auto target = targets.find(value.name);
    if (target == targets.end() || target->second.sizes() != value.tensor.sizes()) {
      throw std::invalid_argument("the network has no tensor '" + value.name + "' of that shape");
    }
  }
  for (Layer* leaf : leaves_) leaf->about_to_change();
  for (const NamedTensor& value : values) targets.at(value.name).copy_(value.tensor);
}

void Network::about_to_train() {
  for (Layer* leaf : leaves_) {
    if (leaf->trains()) leaf->about_to_change();
  }
}

std::int64_t Network::set_trainable(const std::string& name, bool trainable) {
  std::int64_t matched = 0;
  for (Layer* leaf : leaves_) {
    if (!is_under(leaf->name(), name)) continue;
    leaf->set_trainable(trainable);
    ++matched;
  }
  return matched;
}

void Network::set_only_trainable(const std::vector<std::string>& names) {
  for (Layer* leaf : leaves_) leaf->set_trainable(std::ranges::find(names, leaf->name()) != names.end());
}

std::vector<LayerDescription> Network::describe() {
  const at::NoGradGuard no_grad;
  std::vector<LayerDescription> layers;
  ForwardContext context{Computation()};
  context.observer = [&layers](const Layer& layer, const at::Tensor& output) {
    LayerDescription description{layer.name(), layer.type(), output.sizes().slice(1).vec()};
    for (const NamedTensor& parameter : layer.parameters())
      description.parameters += parameter.tensor.numel();
    description.trainable = layer.trains();
    layers.push_back(std::move(description));
  };
  const at::Tensor image = at::zeros({1, 3, image_size_, image_size_}, at::TensorOptions(device_));
  logits(features(image, context), context);
  return layers;
}

}  // namespace torch_tl
