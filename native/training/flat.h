#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace torch_tl {

/** The values of tensors of one type and device, one after the other; a copy. There must be a tensor. */
at::Tensor flat(const std::vector<at::Tensor>& tensors);

/** Gives the tensors the values that `flat` would take from them. */
void copy_flat(const at::Tensor& values, const std::vector<at::Tensor>& tensors);

}  // namespace torch_tl
