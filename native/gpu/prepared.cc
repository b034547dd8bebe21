#include "gpu/prepared.h"

#include <ATen/ops/empty.h>

#include <cstddef>
#include <cstdint>

namespace torch_tl::gpu {
namespace {

/** Each weight begins at a multiple of this many values, for wide loads. */
constexpr std::int64_t kAlignment = 64;

std::int64_t aligned(std::int64_t values) { return (values + kAlignment - 1) / kAlignment * kAlignment; }

at::Tensor empty_norm(const NormTensors& norm) {
  return at::empty({kNormRows, norm.weight.size(0)}, norm.weight.options().requires_grad(false));
}

}  // namespace

std::vector<at::Tensor> pack(const Primitives& primitives, const std::vector<ScaledWeight>& weights,
                             at::ScalarType precision) {
  const auto stays = [&](const ScaledWeight& weight) {
    return !weight.scale.defined() && weight.weight.scalar_type() == precision;
  };
  std::int64_t size = 0;
  for (const ScaledWeight& weight : weights) size += stays(weight) ? 0 : aligned(weight.weight.numel());
  const at::TensorOptions options = weights.front().weight.options().dtype(precision).requires_grad(false);
  const at::Tensor all = at::empty({size}, options);
  std::vector<at::Tensor> packed;
  std::vector<PackTask> tasks;
  std::int64_t begin = 0;
  for (const ScaledWeight& weight : weights) {
    const at::Tensor& value = packed.emplace_back(weight.weight.detach());
    if (stays(weight)) continue;
    packed.back() = all.as_strided(value.sizes(), value.strides(), begin);
    begin += aligned(packed.back().numel());
    tasks.push_back({weight.weight.detach(), packed.back(), weight.scale});
  }
  if (!tasks.empty()) primitives.pack(tasks);
  return packed;
}

std::vector<at::Tensor> evaluated(const Primitives& primitives, const std::vector<NormTensors>& norms) {
  std::vector<NormTask> tasks;
  std::vector<at::Tensor> results;
  for (const NormTensors& norm : norms) {
    results.push_back(empty_norm(norm));
    tasks.push_back({.norm = norm, .result = results.back()});
  }
  primitives.prepare(tasks);
  return results;
}

at::Tensor in_training(const Primitives& primitives, const NormTensors& norm, const at::Tensor& moments,
                       std::int64_t rows) {
  at::Tensor result = empty_norm(norm);
  primitives.prepare({{norm, trains(norm) ? moments : at::Tensor(), rows, result}});
  return result;
}

}  // namespace torch_tl::gpu
