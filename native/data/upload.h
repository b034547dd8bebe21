#pragma once

#include <ATen/core/Tensor.h>

namespace torch_tl {

/**
 * Copies a small tensor from the host to the device. Does not wait for the device; this is safe, since CUDA
 * has read memory that is not pinned when the call returns.
 */
inline at::Tensor upload(const at::Tensor& host, at::Device device) {
  return host.to(device, host.scalar_type(), /*non_blocking=*/true);
}

}  // namespace torch_tl
