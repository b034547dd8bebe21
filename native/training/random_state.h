#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>

#include "training/archive.h"

namespace torch_tl {

/** The random generators of a training, each seeded alike: draws from one do not affect the others. */
struct RandomState {
  RandomState(const at::Device& device, std::uint64_t seed);

  at::Generator order;         // on the CPU
  at::Generator dropout;       // on the device
  at::Generator augmentation;  // on the CPU

  void archive(Archive& archive);
};

}  // namespace torch_tl
