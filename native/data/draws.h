#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/DistributionsHelper.h>
#include <ATen/core/Generator.h>

#include <cstdint>

/*
 * Single random numbers from a generator on the host, drawn as PyTorch draws them, so that they are those of
 * torchvision for the same seed.
 */

namespace torch_tl {

/** `torch.empty(1).uniform_(low, high)` */
inline double draw_uniform(double low, double high, at::Generator& generator) {
  const at::uniform_real_distribution<float> uniform(static_cast<float>(low), static_cast<float>(high));
  return uniform(at::check_generator<at::CPUGeneratorImpl>(generator));
}

/** `torch.randint(low, high, (1,))`: from [low, high). */
inline std::int64_t draw_integer(std::int64_t low, std::int64_t high, at::Generator& generator) {
  const at::uniform_int_from_to_distribution<std::int64_t> uniform(static_cast<std::uint64_t>(high - low),
                                                                   low);
  return uniform(at::check_generator<at::CPUGeneratorImpl>(generator));
}

/** `torch.rand(1) < probability` */
inline bool draw_chance(double probability, at::Generator& generator) {
  return draw_uniform(0, 1, generator) < probability;
}

}  // namespace torch_tl
