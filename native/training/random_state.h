#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>

#include "training/archive.h"

namespace torch_tl {

/** What a training draws from, each started by the seed: one's draws leave the others' as they were. */
struct RandomState {
  RandomState(const at::Device& device, std::uint64_t seed);

  at::Generator order;         // on the CPU
  at::Generator dropout;       // on the device
  at::Generator augmentation;  // on the CPU

  void archive(Archive& archive);
};

}  // namespace torch_tl
