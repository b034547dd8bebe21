#pragma once

#include <ATen/core/Tensor.h>

namespace torch_tl {

/**
 * A small tensor made on the host, on the device. Does not wait for the device: CUDA has read memory that is
 * not pinned by the time the call returns.
 */
inline at::Tensor upload(const at::Tensor& host, at::Device device) {
  return host.to(device, host.scalar_type(), /*non_blocking=*/true);
}

}  // namespace torch_tl
