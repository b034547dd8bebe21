#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

/*
 * torchvision's v2 MixUp and CutMix, draw for draw: one lambda of Beta(alpha, alpha) per batch, and each
 * image's partner is the one before it.
 */

namespace torch_tl {

/** Images and their targets: labels int64 [n], or shares of the classes float32 [n, classes]. */
struct Batch {
  at::Tensor images;
  at::Tensor targets;
};

/** Blends each image with its partner. */
Batch mixup(const Batch& batch, std::int64_t classes, double alpha, at::Generator& generator);

/** Pastes a box of its partner into each image; overwrites the images. */
Batch cutmix(const Batch& batch, std::int64_t classes, double alpha, at::Generator& generator);

}  // namespace torch_tl
