#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "executors/work_ranges.h"
#include "kernels/bfloat16.h"

namespace torch_tl {

/*
 * Weights packed into panels, the order in which the kernels read them. A tensor of panels is contiguous and
 * has the shape [panels, depth, kPanel]; the order inside a panel is that of this processor's kernels
 * (kernels/product.h).
 */

/** Packs a matrix [depth, columns] into panels of float32 or bfloat16. */
at::Tensor in_panels(const at::Tensor& matrix, at::ScalarType precision = at::kFloat);

/** The values of a bfloat16 tensor. */
inline Bfloat16* bits_of(const at::Tensor& tensor) { return static_cast<Bfloat16*>(tensor.data_ptr()); }

/**
 * c [rows, panels * kPanel] = a [rows, depth] * the matrix in `panels`, which has the precision of a.
 * Computes the columns of the panels in `wanted` only.
 */
void multiply(const float* a, const at::Tensor& panels, Range wanted, std::int64_t rows, float* c);
void multiply(const Bfloat16* a, const at::Tensor& panels, Range wanted, std::int64_t rows, float* c);
/** All columns. */
void multiply(const float* a, const at::Tensor& panels, std::int64_t rows, float* c);

/**
 * The kernels of a 3x3 convolution, transformed and packed for Winograd's products: [out, in, 3, 3] ->
 * [kTilePlaces, panels, in, kPanel].
 */
at::Tensor in_tile_panels(const at::Tensor& conv);

/** The gradient of that transform: [kTilePlaces, in, out] -> [out, in, 3, 3]. */
at::Tensor kernel_gradient(const at::Tensor& places);

}  // namespace torch_tl
