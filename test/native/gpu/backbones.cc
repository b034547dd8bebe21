#include <iostream>

#include "comparison.h"

namespace torch_tl {
namespace {

/*
 * Largest differences that count as rounding, by tensor, relative to its norm. A ReLU or a maximum whose
 * input stands at its kink may fall on the other side: hence the distance from float32's 6e-8, which grows
 * through 121 layers. In bfloat16 the executors round at other places than the layers do.
 */
struct Tolerance {
  double features;
  double gradients;
  double statistics;
};
constexpr Tolerance kFloat32{1e-4, 5e-2, 1e-5};
/** In terms of the layers' own distance in bfloat16 from float32. */
constexpr double kBfloat16Share = 1.4;

std::vector<Pass> passes(bool thorough) {
  const std::string block = "features.denseblock";
  const std::string transition = "features.transition";
  const std::vector<std::string> stem{"features.conv0", "features.norm0"};
  const auto up_to = [&](int blocks) {
    std::vector<std::string> names = stem;
    for (int i = 1; i <= blocks; ++i) {
      names.push_back(block + std::to_string(i));
      if (i < 4) names.push_back(transition + std::to_string(i));
    }
    return names;
  };
  std::vector<std::string> all = up_to(4);
  all.emplace_back("features.norm5");
  // Small batches of small images would leave the last norms with a handful of values, and rounding would
  // grow.
  const Pass mixed{.image_size = 64,
                   .images = 4,
                   .frozen = {"features.norm0", transition + "1.norm", transition + "2.conv",
                              block + "1.denselayer2.norm1", block + "2.denselayer3.norm2",
                              block + "3.denselayer4.conv1", block + "4.denselayer1"}};
  if (!thorough) return {mixed, {.image_size = 33, .images = 2, .evaluates = true}};
  return {
      mixed,
      {.image_size = 64, .images = 4},
      {.image_size = 97, .images = 2, .frozen = stem},
      {.image_size = 64, .images = 4, .frozen = up_to(1)},
      {.image_size = 64, .images = 4, .frozen = up_to(2)},
      {.image_size = 64, .images = 4, .frozen = up_to(3)},
      {.image_size = 64, .images = 4, .frozen = up_to(4)},
      {.image_size = 64, .images = 4, .frozen = all},
      // What gradients pass through.
      {.image_size = 64, .images = 4, .frozen = {block + "1", transition + "1", block + "3"}},
      {.image_size = 33, .images = 2, .evaluates = true},
      {.image_size = 47, .images = 1, .evaluates = true},
  };
}

std::ostream& operator<<(std::ostream& out, const Differences& largest) {
  return out << "features " << largest.features << ", gradients " << largest.gradients << ", statistics "
             << largest.statistics;
}

bool fits(const Differences& largest, const Tolerance& tolerance) {
  return largest.features <= tolerance.features && largest.gradients <= tolerance.gradients &&
         largest.statistics <= tolerance.statistics;
}

/** Differences of two outcomes; of the gradients, all together. */
Differences differences_of(const Outcome& actual, const Outcome& expected) {
  Differences differences = compare(actual, expected);
  // A gradient that a norm behind it cancels is nothing but rounding.
  differences.gradients = total(actual, expected).gradients;
  return differences;
}

/** In float32, against the layers of the model and the executors for processors. */
bool agree_in_float32(const Way& way, bool thorough) {
  Differences from_layers;
  Differences from_cpu;
  Differences of_cpu;
  bool agree = true;
  for (const Pass& pass : passes(thorough)) {
    const Outcome actual = run(pass, way);
    const Outcome layers = run(pass, {.name = "layers"});
    const Outcome cpu = run(pass, {.name = "CPU executors", .own_kernels = true});
    const Differences differences = differences_of(actual, layers);
    from_layers.widen(differences);
    const Differences other = differences_of(actual, cpu);
    from_cpu.widen(other);
    of_cpu.widen(differences_of(cpu, layers));
    if (fits(differences, kFloat32) && fits(other, kFloat32)) continue;
    agree = false;
    std::cout << pass.describe() << ", from layers: " << differences << ", from CPU executors: " << other
              << '\n';
  }
  std::cout << way.name << ", fp32, from layers: " << from_layers << '\n'
            << "  from CPU executors: " << from_cpu << '\n'
            << "  these from layers: " << of_cpu << '\n';
  return agree;
}

/** In bfloat16: about as far from the layers in float32 as the layers in bfloat16 are. */
bool agree_in_bfloat16(const Way& way, bool thorough) {
  bool agree = true;
  std::vector<Pass> in_bfloat16{{.image_size = 64, .images = 4}};
  if (thorough) in_bfloat16.push_back({.image_size = 64, .images = 3, .evaluates = true});
  for (Pass pass : in_bfloat16) {
    const Way layers{.name = "layers"};
    const Outcome exact = run(pass, layers);
    pass.precision = at::kBFloat16;
    const Differences theirs = total(run(pass, layers), exact);
    const Differences ours = total(run(pass, way), exact);
    std::cout << way.name << ", " << pass.describe() << ", from layers in fp32: " << ours << '\n'
              << "  layers in bf16: " << theirs << '\n';
    agree = agree && ours.features <= kBfloat16Share * theirs.features &&
            ours.gradients <= kBfloat16Share * theirs.gradients &&
            ours.statistics <= kBfloat16Share * theirs.statistics;
  }
  return agree;
}

}  // namespace

bool backbones_agree(const gpu::Primitives& primitives, const std::string& name, bool thorough) {
  const Way way{.name = name, .own_kernels = true, .primitives = &primitives};
  const bool in_float32 = agree_in_float32(way, thorough);
  const bool in_bfloat16 = agree_in_bfloat16(way, thorough);
  return in_float32 && in_bfloat16;
}

}  // namespace torch_tl
