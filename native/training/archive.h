#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/layers.h"

namespace torch_tl {

/**
 * The state of a training as named tensors on the host. A class shows its state in one function,
 * `archive(Archive&)`, which saves it or restores it: what is saved and what is restored cannot differ.
 *
 * Restoring throws CheckpointInvalid where a name is missing or has another type or shape.
 */
class Archive {
 public:
  /** Saves. */
  Archive() = default;
  /** Restores from what an archive saved. */
  explicit Archive(std::vector<NamedTensor> saved);

  bool restoring() const { return restoring_; }
  /** Whether what is restored has this name. */
  bool has(const std::string& name) const { return by_name_.contains(name); }

  void value(const std::string& name, std::int64_t& value);
  void value(const std::string& name, double& value);
  void value(const std::string& name, bool& value);
  /** Restores into the tensor's own memory. */
  void tensor(const std::string& name, const at::Tensor& tensor);
  /** Restores into a new tensor on the host; an undefined one is left out. */
  void optional_tensor(const std::string& name, at::Tensor& tensor);
  /** Tensors that are on the host already and never change: saved without a copy. Their names are saved too.
   */
  void shared_tensors(const std::string& prefix, std::vector<NamedTensor>& tensors);
  void generator(const std::string& name, at::Generator& generator);

  std::vector<NamedTensor> take() { return std::move(saved_); }

 private:
  const at::Tensor& find(const std::string& name, at::ScalarType type, at::IntArrayRef shape) const;

  bool restoring_ = false;
  std::vector<NamedTensor> saved_;
  std::unordered_map<std::string, at::Tensor> by_name_;
};

}  // namespace torch_tl
