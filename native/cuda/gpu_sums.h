#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>

namespace torch_tl {

/** Sums of tensors on the GPUs of all ranks, through NCCL. */
class GpuSums {
 public:
  GpuSums() = default;
  GpuSums(const GpuSums&) = delete;
  GpuSums& operator=(const GpuSums&) = delete;
  GpuSums(GpuSums&&) = delete;
  GpuSums& operator=(GpuSums&&) = delete;
  virtual ~GpuSums() = default;

  /** Begins to replace a float32 tensor by its sum over all ranks, behind the work that was launched before.
   */
  virtual void start(const at::Tensor& values) = 0;
  /** Whether the sum has ended; later work may read it. Throws c10::Error where it failed. */
  virtual bool is_done() = 0;
  /** Gives a sum up that will not end, since a rank was lost. Nothing may be started afterwards. */
  virtual void abort() noexcept = 0;
};

/** Where to find the other ranks. */
struct GpuSumsPlace {
  /** A pointer to the c10d::Store that all ranks share. */
  void* store = nullptr;
  int rank = 0;
  int size = 1;
  std::chrono::milliseconds timeout{};
};

/** The type of the function `torch_tl_make_gpu_sums` that the library torch-tl-nccl exports. */
using MakeGpuSums = GpuSums*(const GpuSumsPlace& place);

}  // namespace torch_tl
