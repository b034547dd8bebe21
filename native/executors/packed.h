#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace torch_tl {

/* Weights in the order in which the kernels read them. float32, contiguous. */

/** [rows, columns] -> [panels][rows][kPanel] */
at::Tensor in_panels(const at::Tensor& matrix);

/** c [rows, panels * kPanel] = a [rows, depth] * the matrix that is in panels */
void multiply(const float* a, const at::Tensor& panels, std::int64_t rows, float* c);

/** 3x3 kernels [out, in, 3, 3] -> [kTilePlaces][panels of out][in][kPanel], for Winograd's products. */
at::Tensor in_tile_panels(const at::Tensor& kernels);

/** The gradient of that transform, as the products give it: [kTilePlaces, in, out] -> [out, in, 3, 3]. */
at::Tensor kernel_gradient(const at::Tensor& places);

}  // namespace torch_tl
