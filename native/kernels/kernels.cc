#include "kernels/kernels.h"

#include <string_view>

#include "environment_variable.h"
#include "kernels/cpu_features.h"

namespace torch_tl {

#ifdef __x86_64__

// The sources of the kernels are compiled once for each instruction set.
#define TORCH_TL_INSTRUCTION_SET(name)                                                        \
  namespace name {                                                                            \
  ProductKernels product_kernels();                                                           \
  ChannelKernels channel_kernels();                                                           \
  StemKernels stem_kernels();                                                                 \
  WinogradKernels winograd_kernels();                                                         \
  Kernels kernels() {                                                                         \
    return {product_kernels(), channel_kernels(), stem_kernels(), winograd_kernels(), #name}; \
  }                                                                                           \
  }

TORCH_TL_INSTRUCTION_SET(avx512_bf16)
TORCH_TL_INSTRUCTION_SET(avx512)
TORCH_TL_INSTRUCTION_SET(avx2)

#endif

namespace {

std::vector<Kernels> find_kernels() {
  std::vector<Kernels> found;
#ifdef __x86_64__
  const std::string_view limit = environment_variable("ATEN_CPU_CAPABILITY");
  const CpuFeatures& features = cpu_features();
  if (limit == "default") return found;
  if (limit != "avx2") {
    if (features.avx512_bf16) found.push_back(avx512_bf16::kernels());
    if (features.avx512) found.push_back(avx512::kernels());
  }
  if (features.avx2) found.push_back(avx2::kernels());
#endif
  return found;
}

}  // namespace

const std::vector<Kernels>& runnable_kernels() {
  static const std::vector<Kernels> found = find_kernels();
  return found;
}

}  // namespace torch_tl
