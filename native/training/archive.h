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
 * The state of a training as named tensors on the host. A class with state has one function,
 * `archive(Archive&)`, which either saves or restores it, so that the two cannot differ.
 *
 * Restoring throws CheckpointInvalid if a name is missing, has another type or shape, or is no number where
 * one is needed: a checksum says that a file is as it was written, not who wrote it.
 */
class Archive {
 public:
  /** An archive that saves. */
  Archive() = default;
  /** An archive that restores these tensors, which another archive saved. */
  explicit Archive(std::vector<NamedTensor> saved);

  bool restoring() const { return restoring_; }
  /** Whether there is a tensor of this name to restore. */
  bool has(const std::string& name) const { return by_name_.contains(name); }

  void value(const std::string& name, std::int64_t& value);
  void value(const std::string& name, double& value);
  void value(const std::string& name, bool& value);
  /** A number that is never negative. */
  void count(const std::string& name, std::int64_t& value);
  /** Saves a copy; restores into the tensor's own memory. */
  void tensor(const std::string& name, const at::Tensor& tensor);
  /** Saves a copy, or nothing if it is undefined; restores into a new tensor on the host, if there is one. */
  void optional_tensor(const std::string& name, at::Tensor& tensor, at::ScalarType type,
                       at::IntArrayRef shape);
  /**
   * Saves tensors that are on the host and never change, without copying them; restores all that `like` has,
   * by their names, or none.
   */
  void shared_tensors(const std::string& prefix, std::vector<NamedTensor>& tensors,
                      const std::vector<NamedTensor>& like);
  void generator(const std::string& name, at::Generator& generator);

  std::vector<NamedTensor> take() { return std::move(saved_); }

 private:
  const at::Tensor& find(const std::string& name, at::ScalarType type, at::IntArrayRef shape) const;

  bool restoring_ = false;
  std::vector<NamedTensor> saved_;
  std::unordered_map<std::string, at::Tensor> by_name_;
};

}  // namespace torch_tl
