#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>

#include "training/archive.h"
#include "training/ranks.h"

namespace torch_tl {

/**
 * The random generators of a training, each seeded alike: draws from one do not affect the others. Every rank
 * draws the same order, and dropout and augmentation of its own.
 */
struct RandomState {
  RandomState(const at::Device& device, std::uint64_t seed, std::int64_t rank = 0);

  at::Generator order;         // on the CPU
  at::Generator dropout;       // on the device
  at::Generator augmentation;  // on the CPU

  /** Saves the states of all ranks, on rank 0; a collective. */
  void save(Archive& archive, Ranks& ranks) const;
  /**
   * Restores this rank's states. A generator that the checkpoint does not have, of a further rank or of
   * another kind of device, begins from the seed and `epoch`, so that it does not repeat what was drawn
   * before.
   */
  void restore(Archive& archive, std::int64_t rank, std::int64_t epoch);

 private:
  std::uint64_t seed_;
};

}  // namespace torch_tl
