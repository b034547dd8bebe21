#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace torch_tl {

/** Adam (Kingma and Ba 2014) with PyTorch's constants: beta 0.9 and 0.999, epsilon 1e-8. */
class Adam {
 public:
  explicit Adam(std::vector<at::Tensor> parameters);
  /** One step along the parameters' gradients, which it then clears. */
  void step(double learning_rate);

 private:
  std::vector<at::Tensor> parameters_, means_, squares_, steps_;
};

}  // namespace torch_tl
