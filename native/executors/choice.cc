#include "executors/choice.h"

#include "kernels/product.h"

namespace torch_tl {
namespace {

thread_local bool reference_wanted = false;

}  // namespace

void set_reference_wanted(bool wanted) { reference_wanted = wanted; }

bool may_use_executors(const at::Tensor& x) {
  return has_kernels() && !reference_wanted && x.is_cpu() && x.scalar_type() == at::kFloat;
}

}  // namespace torch_tl
