#pragma once

#include "cuda/kernel_table.h"
#include "gpu/primitives.h"

namespace torch_tl::gpu {

/** The primitives over a table of kernels, each of which it launches once or, where it sums over rows, twice.
 */
class KernelPrimitives final : public Primitives {
 public:
  /** `table` must outlive it. */
  explicit KernelPrimitives(const KernelTable& table) : table_(table) {}

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

 private:
  struct Operands;
  void run(RowsKernel kernel, const Operands& operands) const;

  const KernelTable& table_;
};

}  // namespace torch_tl::gpu
