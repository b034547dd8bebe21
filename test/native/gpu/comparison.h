#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "gpu/primitives.h"
#include "model/network.h"

namespace torch_tl {

/* Shared by the comparisons of the executors for GPUs with the layers of the model, all on a CPU. */

/** One training step or, where nothing trains and `evaluates`, one evaluation. */
struct Pass {
  std::int64_t image_size = 64;
  std::int64_t images = 3;
  at::ScalarType precision = at::kFloat;
  /** Names of layers or of what holds them, such as `features.denseblock1`, that are frozen. */
  std::vector<std::string> frozen;
  bool evaluates = false;

  std::string describe() const;
};

/** How a pass is computed. */
struct Way {
  std::string name;
  bool own_kernels = false;
  const gpu::Primitives* primitives = nullptr;
};

/** What a pass gives: features, gradients of parameters, and all tensors of the network after it. */
struct Outcome {
  at::Tensor features;
  std::vector<NamedTensor> gradients;
  std::vector<NamedTensor> tensors;
};

Outcome run(const Pass& pass, const Way& way);

/**
 * The norm of the difference of two tensors, relative to that of the one that is right. Throws
 * std::runtime_error where their names or sizes differ, or `actual` is not finite.
 */
double difference(const NamedTensor& actual, const NamedTensor& expected);

/** The largest differences between two outcomes, each relative to the norm of the tensor that it is in. */
struct Differences {
  double features = 0;
  double gradients = 0;  // the worst tensor's
  double statistics = 0;
  std::string worst_gradient;

  void widen(const Differences& other);
};

/** Throws std::runtime_error where the outcomes do not have the same tensors, or something is not finite. */
Differences compare(const Outcome& actual, const Outcome& expected);

/** The differences over all gradients together, and over all statistics together. */
Differences total(const Outcome& actual, const Outcome& expected);

/**
 * Compares the executors over these primitives with the layers of the model and the executors for processors,
 * over many passes. Prints the largest differences; returns whether they are small.
 */
bool backbones_agree(const gpu::Primitives& primitives, const std::string& name, bool thorough);
/** The same for one section at a time, in any of whose layers nothing may train. */
bool sections_agree(const gpu::Primitives& primitives, const std::string& name, bool thorough);
/** Compares every primitive of the two kinds over shapes, sizes and strides; returns whether they are close.
 */
bool primitives_agree(const gpu::Primitives& actual, const gpu::Primitives& expected);

}  // namespace torch_tl
