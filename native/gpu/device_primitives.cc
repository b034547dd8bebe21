#include "gpu/device_primitives.h"

#include "cuda/kernel_table.h"
#include "gpu/kernel_primitives.h"
#include "sibling_library.h"

namespace torch_tl::gpu {
namespace {

/** The kernels of the library beside this one, or null if it was not built or has none. */
const KernelTable* find_table() {
  auto* const get = open_sibling_library(reinterpret_cast<const void*>(&find_table), "torch-tl-cuda.so")
                        .function<GetKernelTable>("torch_tl_gpu_kernels");
  return get == nullptr ? nullptr : get();
}

const KernelTable* table() {
  static const KernelTable* const found = find_table();
  return found;
}

}  // namespace

const Primitives* primitives_of(const at::Device& device) {
  if (!device.is_cuda() || table() == nullptr) return nullptr;
  static const KernelPrimitives primitives(*table());
  return &primitives;
}

const char* compiled_capabilities() { return table() == nullptr ? "" : table()->capabilities; }

}  // namespace torch_tl::gpu
