// Needs NCCL's header, and is therefore a library of its own.

#include <ATen/core/Tensor.h>

#include <exception>
#include <memory>
#include <optional>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#include <vector>

#include "cuda/gpu_sums.h"

namespace torch_tl {
namespace {

class NcclSums final : public GpuSums {
 public:
  explicit NcclSums(const GpuSumsPlace& place) {
    const auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = place.timeout;
    auto store = c10::intrusive_ptr<c10d::Store>::reclaim_copy(static_cast<c10d::Store*>(place.store));
    backend_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(
        c10::make_intrusive<c10d::PrefixStore>("nccl", std::move(store)), place.rank, place.size, options);
  }

  void start(const at::Tensor& values) override {
    std::vector<at::Tensor> tensors{values};
    work_ = backend_->allreduce(tensors);
  }

  bool is_done() override {
    if (!work_->isCompleted()) return false;
    if (const std::exception_ptr error = work_->exception()) std::rethrow_exception(error);
    // Makes the present stream wait, for work that is launched from now on.
    work_->wait();
    return true;
  }

  void abort() noexcept override {
    try {
      backend_->abort();
    } catch (const std::exception&) {
      // The process ends its job in any case.
    }
    // Its threads may still wait for the GPU: it is left standing.
    static_cast<void>(backend_.release());
  }

 private:
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> backend_;
  c10::intrusive_ptr<c10d::Work> work_;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) GpuSums* torch_tl_make_gpu_sums(const GpuSumsPlace& place) {
  return std::make_unique<NcclSums>(place).release();
}

}  // namespace torch_tl
