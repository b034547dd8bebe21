#pragma once

#include <c10/core/Device.h>

#include <cstddef>
#include <string>

namespace torch_tl {

/*
 * Queries and memory of GPUs, through LibTorch's interfaces for any device: compiled without CUDA's headers,
 * this serves CPU builds of LibTorch as well.
 */

struct GpuDescription {
  std::string name;        // the driver's, such as `NVIDIA H100 80GB HBM3`
  std::size_t memory = 0;  // total bytes
};

/** Describes a GPU without starting anything on it; fields stay empty if the driver does not know them. */
GpuDescription describe_gpu(int index);

/** The newest CUDA version that NVIDIA's driver supports, 13000 for 13.0; 0 without a driver. */
int cuda_driver_version();

/**
 * Whether the device is a GPU and `bytes` are at most half of its free memory, which leaves the training
 * half.
 */
bool gpu_has_room(const at::Device& device, std::size_t bytes);

/** Waits until the device has finished its work; returns at once for a CPU. */
void synchronise(const at::Device& device);

/** Returns memory that no tensor uses to the GPUs; does nothing if none is in use or one has failed. */
void release_gpu_memory() noexcept;

}  // namespace torch_tl
