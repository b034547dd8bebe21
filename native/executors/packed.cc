#include "executors/packed.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <array>

#include "kernels/kernels.h"

namespace torch_tl {
namespace {

/**
 * Winograd's G: evaluates a line of a kernel, as a polynomial, at the points of winograd.h. The divisors are
 * those that the input's transform leaves out.
 */
std::array<std::array<double, 3>, kTileSide> kernel_line_transform() {
  constexpr double kNear = kNearPoint;
  constexpr double kFar = kFarPoint;
  const auto at = [](double point, double divisor) {
    return std::array{1 / divisor, point / divisor, point * point / divisor};
  };
  constexpr double kBetween = kFar * kFar - kNear * kNear;
  constexpr double kNearDivisor = -2 * kNear * kNear * kBetween;
  constexpr double kFarDivisor = 2 * kFar * kFar * kBetween;
  return {at(0, kNear * kNear * kFar * kFar),
          at(kNear, kNearDivisor),
          at(-kNear, kNearDivisor),
          at(kFar, kFarDivisor),
          at(-kFar, kFarDivisor),
          {0, 0, 1}};
}

/** The Kronecker product of G with itself, float64 [kTilePlaces, 9]: computes G g G^T as one product. */
at::Tensor kernel_transform() {
  const auto lines = kernel_line_transform();
  at::Tensor transform = at::empty({kTilePlaces, 9}, at::kDouble);
  auto* value = transform.data_ptr<double>();
  for (const auto& y : lines) {
    for (const auto& x : lines) {
      for (const double down : y) {
        for (const double right : x) *value++ = down * right;
      }
    }
  }
  return transform;
}

/** Packs each matrix of [count, depth, columns] into panels: [count, panels, depth, kPanel]. */
at::Tensor pack(const at::Tensor& matrices) {
  const std::int64_t count = matrices.size(0);
  const std::int64_t depth = matrices.size(1);
  // bfloat16 values stand in pairs along the depth.
  const std::int64_t step = matrices.scalar_type() == at::kBFloat16 ? 2 : 1;
  return matrices.reshape({count, depth / step, step, -1, kernels().columns})
      .permute({0, 3, 1, 4, 2})
      .reshape({count, -1, depth, kPanel})
      .contiguous();  // if a tile has all columns of a panel, reshape returns a view
}

template <typename Value>
using MultiplyPanel = void (*)(const Value* a, std::int64_t a_stride, const Value* panel, std::int64_t rows,
                               std::int64_t depth, float* c, std::int64_t c_stride);

template <typename Value>
void multiply(MultiplyPanel<Value> multiply_panel, const Value* a, const Value* panels, std::int64_t depth,
              Range wanted, std::int64_t rows, float* c, std::int64_t c_stride) {
  for (std::int64_t i = wanted.begin; i < wanted.end; ++i) {
    multiply_panel(a, depth, panels + i * depth * kPanel, rows, depth, c + i * kPanel, c_stride);
  }
}

}  // namespace

at::Tensor in_panels(const at::Tensor& matrix, at::ScalarType precision) {
  return pack(matrix.to(precision).unsqueeze(0))[0];
}

void multiply(const float* a, const at::Tensor& panels, std::int64_t rows, float* c) {
  multiply(a, panels, {0, panels.size(0)}, rows, c);
}

void multiply(const float* a, const at::Tensor& panels, Range wanted, std::int64_t rows, float* c) {
  multiply(kernels().multiply_panel, a, panels.const_data_ptr<float>(), panels.size(1), wanted, rows, c,
           panels.size(0) * kPanel);
}

void multiply(const Bfloat16* a, const at::Tensor& panels, Range wanted, std::int64_t rows, float* c) {
  multiply(kernels().multiply_panel_bf16, a, bits_of(panels), panels.size(1), wanted, rows, c,
           panels.size(0) * kPanel);
}

at::Tensor in_tile_panels(const at::Tensor& conv) {
  const std::int64_t out = conv.size(0);
  const std::int64_t in = conv.size(1);
  const at::Tensor weights = conv.permute({2, 3, 1, 0}).reshape({9, in * out}).to(at::kDouble);
  return pack(at::mm(kernel_transform(), weights).to(at::kFloat).view({kTilePlaces, in, out}));
}

at::Tensor kernel_gradient(const at::Tensor& places) {
  const std::int64_t in = places.size(1);
  const std::int64_t out = places.size(2);
  const at::Tensor columns = places.view({kTilePlaces, in * out});
  return at::mm(kernel_transform().t().to(at::kFloat), columns).view({3, 3, in, out}).permute({3, 2, 0, 1});
}

}  // namespace torch_tl
