#include "training/archive.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "errors.h"

namespace torch_tl {
namespace {

at::Tensor host_copy(const at::Tensor& tensor) {
  const at::NoGradGuard no_grad;
  return at::empty(tensor.sizes(), tensor.scalar_type()).copy_(tensor);
}

}  // namespace

Archive::Archive(std::vector<NamedTensor> saved) : restoring_(true), saved_(std::move(saved)) {
  for (const NamedTensor& tensor : saved_) by_name_.emplace(tensor.name, tensor.tensor);
}

const at::Tensor& Archive::find(const std::string& name, at::ScalarType type, at::IntArrayRef shape) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) throw CheckpointInvalid("it has no '" + name + "'");
  if (found->second.scalar_type() != type || found->second.sizes() != shape) {
    throw CheckpointInvalid("its '" + name + "' has another type or shape");
  }
  return found->second;
}

void Archive::value(const std::string& name, std::int64_t& value) {
  if (restoring_) {
    value = find(name, at::kLong, {}).item<std::int64_t>();
  } else {
    saved_.push_back({name, at::scalar_tensor(value, at::kLong)});
  }
}

void Archive::value(const std::string& name, double& value) {
  if (restoring_) {
    value = find(name, at::kDouble, {}).item<double>();
    if (std::isnan(value)) throw CheckpointInvalid("its '" + name + "' is not a number");
  } else {
    saved_.push_back({name, at::scalar_tensor(value, at::kDouble)});
  }
}

void Archive::value(const std::string& name, bool& value) {
  std::int64_t number = value ? 1 : 0;
  this->value(name, number);
  if (number != 0 && number != 1) throw CheckpointInvalid("its '" + name + "' is neither 0 nor 1");
  value = number != 0;
}

void Archive::count(const std::string& name, std::int64_t& value) {
  this->value(name, value);
  if (restoring_ && value < 0) throw CheckpointInvalid("its '" + name + "' is negative");
}

void Archive::tensor(const std::string& name, const at::Tensor& tensor) {
  const at::NoGradGuard no_grad;
  if (restoring_) {
    tensor.copy_(find(name, tensor.scalar_type(), tensor.sizes()));
  } else {
    saved_.push_back({name, host_copy(tensor)});
  }
}

void Archive::optional_tensor(const std::string& name, at::Tensor& tensor, at::ScalarType type,
                              at::IntArrayRef shape) {
  if (restoring_) {
    tensor = has(name) ? find(name, type, shape) : at::Tensor();
  } else if (tensor.defined()) {
    saved_.push_back({name, host_copy(tensor)});
  }
}

void Archive::shared_tensors(const std::string& prefix, std::vector<NamedTensor>& tensors,
                             const std::vector<NamedTensor>& like) {
  if (!restoring_) {
    for (const NamedTensor& tensor : tensors) saved_.push_back({prefix + tensor.name, tensor.tensor});
    return;
  }
  tensors.clear();
  const auto is_one = [&](const NamedTensor& tensor) { return tensor.name.starts_with(prefix); };
  if (std::none_of(saved_.begin(), saved_.end(), is_one)) return;
  for (const NamedTensor& one : like) {
    tensors.push_back({one.name, find(prefix + one.name, one.tensor.scalar_type(), one.tensor.sizes())});
  }
}

void Archive::generator(const std::string& name, at::Generator& generator) {
  const at::Tensor state = generator.get_state();
  if (restoring_) {
    const at::Tensor& saved = find(name, state.scalar_type(), state.sizes());
    try {
      generator.set_state(saved);
    } catch (const c10::Error&) {
      throw CheckpointInvalid("its '" + name + "' is no state of a generator");
    }
  } else {
    saved_.push_back({name, state});
  }
}

}  // namespace torch_tl
