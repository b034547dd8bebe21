#include "executors/choice.h"

#include "kernels/cpu_features.h"
#include "kernels/kernels.h"

namespace torch_tl {
namespace {

thread_local bool reference_wanted = false;

}  // namespace

void set_reference_wanted(bool wanted) { reference_wanted = wanted; }

bool may_use_executors(const at::Tensor& x) {
  if (reference_wanted || !x.is_cpu() || runnable_kernels().empty()) return false;
  // Where the processor multiplies matrices of bfloat16 as such, the library's products are faster.
  return x.scalar_type() == at::kFloat || (x.scalar_type() == at::kBFloat16 && !cpu_features().amx_bf16);
}

}  // namespace torch_tl
