#pragma once

#include "gpu/primitives.h"

namespace torch_tl::gpu {

/**
 * Every primitive over LibTorch's operators, as plainly as it can be said: on any device, in as many passes
 * as it takes. What the kernels are compared with.
 */
class AtenPrimitives final : public Primitives {
 public:
  void pack(const std::vector<PackTask>& tasks) const override;
  void prepare(const std::vector<NormTask>& tasks) const override;
  void place(const at::Tensor& x, const at::Tensor& y, const at::Tensor& moments) const override;
  void scale_shift_relu(const at::Tensor& x, const at::Tensor& norm, const at::Tensor& y) const override;
  void average(const MapShape& shape, const at::Tensor& x, const at::Tensor& norm,
               const at::Tensor& y) const override;
  void maximum(const MapShape& shape, const at::Tensor& x, const at::Tensor& norm, const at::Tensor& y,
               const at::Tensor& places) const override;
  void sum_gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                    const at::Tensor& sums) const override;
  void differentiate(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                     const at::Tensor& sums, const at::Tensor& dx) const override;
  void accumulate(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm, const at::Tensor& dx,
                  const at::Tensor& sums, const at::Tensor& of_moments) const override;
  void average_gradient(const MapShape& shape, const at::Tensor& dy, const at::Tensor& x,
                        const at::Tensor& norm, const at::Tensor& dx, const at::Tensor& sums,
                        const at::Tensor& of_moments) const override;
  void sum_maximum_gradient(const MapShape& shape, const at::Tensor& dy, const at::Tensor& places,
                            const at::Tensor& x, const at::Tensor& norm,
                            const at::Tensor& sums) const override;
  void differentiate_maximum(const MapShape& shape, const at::Tensor& dy, const at::Tensor& places,
                             const at::Tensor& x, const at::Tensor& norm, const at::Tensor& sums,
                             const at::Tensor& dx) const override;
  void add_through_moments(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& moments,
                           const at::Tensor& of_moments, const at::Tensor& dx) const override;
};

}  // namespace torch_tl::gpu
