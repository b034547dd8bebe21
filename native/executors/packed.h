#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "executors/parts.h"
#include "kernels/bfloat16.h"

namespace torch_tl {

/*
 * Weights in the order in which the kernels read them, contiguous. Tensors of panels have the shape [panels,
 * depth, kPanel], but inside a panel the order of this processor's kernels (kernels/product.h).
 */

/** [depth, columns] -> [panels, depth, kPanel], in float32 or bfloat16. */
at::Tensor in_panels(const at::Tensor& matrix, at::ScalarType precision = at::kFloat);

/** Of a tensor of bfloat16. */
inline Bfloat16* bits_of(const at::Tensor& tensor) { return static_cast<Bfloat16*>(tensor.data_ptr()); }

/** c [rows, panels * kPanel] = a [rows, depth] * the matrix that is in panels of a's precision, of which some
 * are wanted. */
void multiply(const float* a, const at::Tensor& panels, Range wanted, std::int64_t rows, float* c);
void multiply(const Bfloat16* a, const at::Tensor& panels, Range wanted, std::int64_t rows, float* c);
/** The same of all panels. */
void multiply(const float* a, const at::Tensor& panels, std::int64_t rows, float* c);

/** A 3x3 convolution [out, in, 3, 3] -> [kTilePlaces, panels of out, in, kPanel], for Winograd's products. */
at::Tensor in_tile_panels(const at::Tensor& conv);

/** The gradient of that transform, as the products give it: [kTilePlaces, in, out] -> [out, in, 3, 3]. */
at::Tensor kernel_gradient(const at::Tensor& places);

}  // namespace torch_tl
