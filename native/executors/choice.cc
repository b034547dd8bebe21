#include "executors/choice.h"

#include "kernels/cpu_features.h"
#include "kernels/kernels.h"

namespace torch_tl {

bool has_executors_for(const at::Tensor& x) {
  if (!x.is_cpu() || runnable_kernels().empty()) return false;
  // Where the processor multiplies matrices of bfloat16 as such, the library's products are faster.
  return x.scalar_type() == at::kFloat || (x.scalar_type() == at::kBFloat16 && !cpu_features().amx_bf16);
}

}  // namespace torch_tl
