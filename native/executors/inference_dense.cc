#include "executors/inference_dense.h"

#include <ATen/Parallel.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "executors/maps.h"
#include "executors/packed.h"
#include "kernels/kernels.h"

namespace torch_tl {
namespace {

/**
 * Inputs that are summed before their sum is added to that of the others: long sums in float32 lose digits.
 */
constexpr std::int64_t kDepth = 1024;

/** c = a * the columns of the wanted panels; both tensors have the same type. */
void multiply(const at::Tensor& a, const at::Tensor& panels, Range wanted, float* c) {
  if (panels.scalar_type() == at::kFloat) return multiply(values(a), panels, wanted, a.size(0), c);
  multiply(bits_of(a), panels, wanted, a.size(0), c);
}

}  // namespace

InferenceDense prepare_inference(const DenseTensors& layer, at::ScalarType precision) {
  const std::int64_t out = layer.weight.size(0);
  const std::int64_t in = layer.weight.size(1);
  const std::int64_t missing = (kPanel - out % kPanel) % kPanel;
  const at::Tensor weight = layer.weight.to(precision);
  const at::Tensor matrix = at::constant_pad_nd(weight, std::array<std::int64_t, 4>{0, 0, 0, missing}).t();
  InferenceDense prepared{.panels = {}, .bias = layer.bias.to(precision).to(at::kFloat)};
  for (std::int64_t begin = 0; begin < in; begin += kDepth) {
    const std::int64_t depth = std::min(kDepth, in - begin);
    // Kernels read bfloat16 in pairs. Rounded values have the same products in float32.
    const at::ScalarType type = depth % 2 == 0 ? precision : at::kFloat;
    prepared.panels.push_back(in_panels(matrix.narrow(0, begin, depth), type));
  }
  return prepared;
}

at::Tensor run_inference(const InferenceDense& layer, const at::Tensor& x) {
  std::vector<at::Tensor> parts;
  std::int64_t begin = 0;
  for (const at::Tensor& panels : layer.panels) {
    const std::int64_t depth = panels.size(1);
    parts.push_back(x.narrow(1, begin, depth).to(panels.scalar_type()).contiguous());
    begin += depth;
  }
  const std::int64_t panels = layer.panels.front().size(0);
  const std::int64_t width = panels * kPanel;
  at::Tensor sum = at::empty({x.size(0), width});
  at::Tensor partial = parts.size() > 1 ? at::empty_like(sum) : sum;
  at::parallel_for(0, panels, 1, [&](std::int64_t first, std::int64_t last) {
    multiply(parts[0], layer.panels[0], {first, last}, sum.data_ptr<float>());
    for (std::size_t i = 1; i < parts.size(); ++i) {
      multiply(parts[i], layer.panels[i], {first, last}, partial.data_ptr<float>());
      for (std::int64_t row = 0; row < x.size(0); ++row) {
        float* to = sum.data_ptr<float>() + row * width;
        const float* from = values(partial) + row * width;
        for (std::int64_t c = first * kPanel; c < last * kPanel; ++c) to[c] += from[c];
      }
    }
  });
  return sum.narrow(1, 0, layer.bias.size(0)).add(layer.bias).to(x.scalar_type());
}

}  // namespace torch_tl
