#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace torch_tl {

/* Weights in the order in which the kernels read them. float32, contiguous. */

/** [rows, columns] -> [panels][rows][kPanel] */
at::Tensor in_panels(const at::Tensor& matrix);

/** A part of something that is numbered from 0. */
struct Range {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t size() const { return end - begin; }
};

/** c [rows, panels * kPanel] = a [rows, depth] * the matrix that is in panels, of which some are wanted. */
void multiply(const float* a, const at::Tensor& panels, Range wanted, std::int64_t rows, float* c);
/** The same of all panels. */
void multiply(const float* a, const at::Tensor& panels, std::int64_t rows, float* c);

/** 3x3 kernels [out, in, 3, 3] -> [kTilePlaces][panels of out][in][kPanel], for Winograd's products. */
at::Tensor in_tile_panels(const at::Tensor& kernels);

/** The gradient of that transform, as the products give it: [kTilePlaces, in, out] -> [out, in, 3, 3]. */
at::Tensor kernel_gradient(const at::Tensor& places);

}  // namespace torch_tl
