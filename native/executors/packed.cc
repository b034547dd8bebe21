#include "executors/packed.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <array>

#include "kernels/product.h"
#include "kernels/winograd.h"

namespace torch_tl {
namespace {

/** The Kronecker product of Winograd's G with itself, float64 [kTilePlaces, 9]: all of G g G^T as one
 * product. */
at::Tensor kernel_transform() {
  constexpr std::array<std::array<double, 3>, 4> kG{
      {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}};
  at::Tensor transform = at::empty({kTilePlaces, 9}, at::kDouble);
  auto* value = transform.data_ptr<double>();
  for (const auto& y : kG) {
    for (const auto& x : kG) {
      for (const double down : y) {
        for (const double right : x) *value++ = down * right;
      }
    }
  }
  return transform;
}

}  // namespace

at::Tensor in_panels(const at::Tensor& matrix) {
  return matrix.reshape({matrix.size(0), -1, kPanel}).permute({1, 0, 2}).contiguous();
}

void multiply(const float* a, const at::Tensor& panels, std::int64_t rows, float* c) {
  multiply(a, panels, {0, panels.size(0)}, rows, c);
}

void multiply(const float* a, const at::Tensor& panels, Range wanted, std::int64_t rows, float* c) {
  const std::int64_t count = panels.size(0);
  const std::int64_t depth = panels.size(1);
  const auto* panel = panels.const_data_ptr<float>();
  for (std::int64_t i = wanted.begin; i < wanted.end; ++i) {
    multiply_panel(a, depth, panel + i * depth * kPanel, rows, depth, c + i * kPanel, count * kPanel);
  }
}

at::Tensor in_tile_panels(const at::Tensor& kernels) {
  const std::int64_t out = kernels.size(0);
  const std::int64_t in = kernels.size(1);
  const at::Tensor columns = kernels.permute({2, 3, 1, 0}).reshape({9, in * out}).to(at::kDouble);
  const at::Tensor places = at::mm(kernel_transform(), columns).to(at::kFloat);
  return places.view({kTilePlaces, in, out / kPanel, kPanel}).permute({0, 2, 1, 3}).contiguous();
}

at::Tensor kernel_gradient(const at::Tensor& places) {
  const std::int64_t in = places.size(1);
  const std::int64_t out = places.size(2);
  const at::Tensor columns = places.view({kTilePlaces, in * out});
  return at::mm(kernel_transform().t().to(at::kFloat), columns).view({3, 3, in, out}).permute({3, 2, 0, 1});
}

}  // namespace torch_tl
