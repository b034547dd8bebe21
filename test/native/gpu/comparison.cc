#include "comparison.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <stdexcept>

namespace torch_tl {
namespace {

bool is_statistic(const std::string& name) { return name.find("running_") != std::string::npos; }

double norm_of(const at::Tensor& tensor) { return tensor.to(at::kDouble).norm().item<double>(); }

/** Norms that differ from layer to layer, where a new network's are all alike. */
void vary(Network& network) {
  const at::NoGradGuard no_grad;
  at::Generator generator = at::detail::createCPUGenerator(5);
  for (const NamedTensor& named : network.tensors()) {
    at::Tensor tensor = named.tensor;
    if (tensor.dim() != 1) continue;
    const bool is_positive = named.name.ends_with("weight") || named.name.ends_with("running_var");
    const at::Tensor values = at::rand(tensor.sizes(), generator);
    tensor.copy_(is_positive ? values.add_(0.5) : values.sub_(0.5).mul_(0.6));
  }
}

Network network_of(const Pass& pass) {
  return Network({.image_size = pass.image_size,
                  .head = {{.type = "globalAveragePool"}, {.type = "dense", .units = 4}},
                  .seed = 1,
                  .mean = {0.5F, 0.5F, 0.5F},
                  .std = {0.25F, 0.25F, 0.25F}});
}

}  // namespace

double difference(const NamedTensor& actual, const NamedTensor& expected) {
  if (actual.name != expected.name || actual.tensor.sizes() != expected.tensor.sizes()) {
    throw std::runtime_error(actual.name + " stands where " + expected.name + " should");
  }
  if (!at::isfinite(actual.tensor).all().item<bool>())
    throw std::runtime_error(actual.name + " is not finite");
  const double scale = norm_of(expected.tensor);
  const double off = norm_of(actual.tensor.to(at::kDouble).sub(expected.tensor.to(at::kDouble)));
  return scale == 0 ? off : off / scale;
}

std::string Pass::describe() const {
  std::string text = std::to_string(images) + " images of " + std::to_string(image_size) + " pixels in " +
                     (precision == at::kFloat ? "fp32" : "bf16") + (evaluates ? ", evaluated" : "");
  for (const std::string& name : frozen) text += ", without " + name;
  return text;
}

Outcome run(const Pass& pass, const Way& way) {
  Network network = network_of(pass);
  vary(network);
  for (const std::string& name : pass.frozen) {
    if (network.set_trainable(name, false) == 0) throw std::runtime_error("there is no layer " + name);
  }
  network.about_to_train();
  ForwardContext context(
      {.precision = pass.precision, .own_kernels = way.own_kernels, .primitives = way.primitives});
  context.training = !pass.evaluates;
  at::Generator generator = at::detail::createCPUGenerator(7);
  const at::Tensor images = at::rand({pass.images, 3, pass.image_size, pass.image_size}, generator)
                                .sub_(0.5)
                                .mul_(4)
                                .to(pass.precision)
                                .contiguous(at::MemoryFormat::ChannelsLast);
  Outcome outcome;
  const at::AutoGradMode mode(!pass.evaluates);
  const at::Tensor features = network.features(images, context);
  outcome.features = features.detach().to(at::kFloat);
  if (features.requires_grad()) {
    // A gradient of its own for every value.
    const at::Tensor weights = at::rand(features.sizes(), generator).sub_(0.5);
    features.to(at::kFloat).mul(weights).sum().backward();
  }
  for (const NamedTensor& parameter : network.trainable_parameters()) {
    if (!parameter.tensor.grad().defined()) continue;
    outcome.gradients.push_back({parameter.name, parameter.tensor.grad().clone()});
  }
  outcome.tensors = network.snapshot();
  return outcome;
}

void Differences::widen(const Differences& other) {
  features = std::max(features, other.features);
  statistics = std::max(statistics, other.statistics);
  if (other.gradients > gradients) {
    gradients = other.gradients;
    worst_gradient = other.worst_gradient;
  }
}

Differences compare(const Outcome& actual, const Outcome& expected) {
  Differences largest;
  largest.features = difference({"features", actual.features}, {"features", expected.features});
  if (actual.gradients.size() != expected.gradients.size()) throw std::runtime_error("gradients are missing");
  for (std::size_t i = 0; i < actual.gradients.size(); ++i) {
    Differences one;
    one.gradients = difference(actual.gradients[i], expected.gradients[i]);
    one.worst_gradient = actual.gradients[i].name;
    largest.widen(one);
  }
  for (std::size_t i = 0; i < actual.tensors.size(); ++i) {
    const double off = difference(actual.tensors[i], expected.tensors.at(i));
    if (is_statistic(actual.tensors[i].name)) {
      largest.statistics = std::max(largest.statistics, off);
    } else if (off != 0) {
      throw std::runtime_error(actual.tensors[i].name + " changed differently");
    }
  }
  return largest;
}

Differences total(const Outcome& actual, const Outcome& expected) {
  const auto joined = [](const std::vector<NamedTensor>& tensors, bool statistics) {
    std::vector<at::Tensor> flat{at::zeros({1})};
    for (const NamedTensor& named : tensors) {
      if (!statistics || is_statistic(named.name)) flat.push_back(named.tensor.flatten());
    }
    return at::cat(flat);
  };
  const auto off = [&](const at::Tensor& left, const at::Tensor& right) {
    return difference({"", left}, {"", right});
  };
  return {.features = off(actual.features, expected.features),
          .gradients = off(joined(actual.gradients, false), joined(expected.gradients, false)),
          .statistics = off(joined(actual.tensors, true), joined(expected.tensors, true)),
          .worst_gradient = "all"};
}

}  // namespace torch_tl
