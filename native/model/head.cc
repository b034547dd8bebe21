#include "model/head.h"

#include <cstddef>
#include <stdexcept>

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

}  // namespace

Head::Head(const std::vector<HeadLayer>& layers, std::int64_t side, at::Generator& generator) {
  const std::string& entry = layers.at(0).type;
  std::int64_t features = kFeatures;
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

std::vector<Layer*> Head::leaves() {
  std::vector<Layer*> leaves;
  for (const auto& layer : layers_) leaves.push_back(layer.get());
  return leaves;
}

}  // namespace torch_tl
