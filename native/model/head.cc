#include "model/head.h"

#include <ATen/core/grad_mode.h>

#include <cstddef>
#include <stdexcept>

#include "executors/choice.h"
#include "executors/trained_norm_dense.h"
#include "model/densenet.h"

namespace torch_tl {
namespace {

std::unique_ptr<Layer> make_layer(const HeadLayer& layer, const std::string& name, std::int64_t features,
                                  at::Generator& generator) {
  if (layer.type == "batchNorm") return std::make_unique<BatchNorm>(name, features);
  if (layer.type == "dense") return std::make_unique<Linear>(name, features, layer.units, generator);
  if (layer.type == "relu") return std::make_unique<ReLU>(name);
  if (layer.type == "dropout") return std::make_unique<Dropout>(name, layer.rate);
  throw std::invalid_argument("a head has no layer of type '" + layer.type + "' here");
}

/** Whether a norm and the layer behind it are in training on what needs no gradient. */
bool may_train_as_one(const Linear& dense, const at::Tensor& x, const Pass& pass) {
  return pass.allows_executors() && has_executors_for(x) && pass.training && at::GradMode::is_enabled() &&
         !x.requires_grad() && x.size(0) > 1 && has_kernels_for(dense.weight());
}

}  // namespace

Head::Head(const std::vector<HeadLayer>& layers, std::int64_t side, at::Generator& generator) {
  const std::string& entry = layers.at(0).type;
  std::int64_t features = DenseNet121::kFeatures;
  if (entry == "globalAveragePool") {
    layers_.push_back(std::make_unique<GlobalAveragePool>("globalAveragePool"));
  } else if (entry == "flatten") {
    layers_.push_back(std::make_unique<Flatten>("flatten"));
    features *= side * side;
  } else {
    throw std::invalid_argument("a head starts with globalAveragePool or flatten, not '" + entry + "'");
  }

  const bool plain = layers.size() == 2 && entry == "globalAveragePool";
  for (std::size_t i = 1; i < layers.size(); ++i) {
    const std::string name = plain ? "classifier" : "classifier." + std::to_string(i - 1);
    layers_.push_back(make_layer(layers[i], name, features, generator));
    if (layers[i].type == "dense") features = layers[i].units;
  }
  classes_ = features;
}

at::Tensor Head::operator()(at::Tensor x, const Pass& pass) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto* norm = dynamic_cast<const BatchNorm*>(layers_[i].get());
    const auto* dense = i + 1 < layers_.size() ? dynamic_cast<const Linear*>(layers_[i + 1].get()) : nullptr;
    if (norm != nullptr && dense != nullptr && may_train_as_one(*dense, x, pass)) {
      x = run_trained(norm->tensors(), dense->weight(), dense->bias(), x);
      ++i;
    } else {
      x = (*layers_[i])(x, pass);
    }
  }
  return x;
}

std::vector<Layer*> Head::leaves() {
  std::vector<Layer*> leaves;
  for (const auto& layer : layers_) leaves.push_back(layer.get());
  return leaves;
}

}  // namespace torch_tl
