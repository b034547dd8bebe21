// The kernels' way into LibTorch: its present stream, and its exceptions.

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>

#include "cuda/kernel_table.h"
#include "cuda/launch.h"

namespace torch_tl::gpu {
namespace {

/** Calls `launch` with the present stream of a GPU, which becomes the current one. */
template <typename Launch>
void on_stream(int device, Launch launch) {
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
  const char* const problem =
      launch(c10::cuda::getCurrentCUDAStream(guard.current_device().index()).stream());
  TORCH_CHECK(problem == nullptr, "CUDA error: ", problem);
}

void rows(RowsKernel kernel, const RowsTask& task, int device) {
  on_stream(device, [&](void* stream) { return launch_rows(kernel, task, stream); });
}

void pack(const PackBatch& batch, int device) {
  on_stream(device, [&](void* stream) { return launch_pack(batch, stream); });
}

void prepare(const NormBatch& batch, int device) {
  on_stream(device, [&](void* stream) { return launch_prepare(batch, stream); });
}

constexpr KernelTable kTable{
    .capabilities = TORCH_TL_CUDA_CAPABILITIES, .rows = rows, .pack = pack, .prepare = prepare};

}  // namespace
}  // namespace torch_tl::gpu

extern "C" __attribute__((visibility("default"))) const torch_tl::gpu::KernelTable* torch_tl_gpu_kernels() {
  return &torch_tl::gpu::kTable;
}
