#pragma once

#include <c10/core/Device.h>

#include <cstddef>
#include <string>

namespace torch_tl {

/*
 * What a GPU needs besides tensors' operators, through LibTorch's interfaces for any device: this code is
 * compiled without CUDA's headers and serves CPU builds of LibTorch as well.
 */

struct GpuDescription {
  std::string name;        // as the driver has it, such as `NVIDIA H100 80GB HBM3`
  std::size_t memory = 0;  // bytes in all
};

/** Of the GPU with this number; empty where the driver does not tell. Nothing starts on the GPU for it. */
GpuDescription describe_gpu(int index);

/** The newest CUDA that NVIDIA's driver serves, 13000 for 13.0; 0 where there is no driver. */
int cuda_driver_version();

/** True for a GPU where so many bytes leave half of the free memory to the training. */
bool gpu_has_room(const at::Device& device, std::size_t bytes);

/** Waits until the device has done what it was given; a CPU always has. */
void synchronise(const at::Device& device);

/** Gives the memory that no tensor holds back to the GPUs, if any is in use and they still answer. */
void release_gpu_memory() noexcept;

}  // namespace torch_tl
