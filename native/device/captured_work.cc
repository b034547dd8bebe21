#include "device/captured_work.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <utility>

#include "device/gpu.h"
#include "environment_variable.h"
#include "sibling_library.h"

namespace torch_tl {
namespace {

/** `torch_tl_make_graph` of the library beside this one, or null if it was not built or is turned off. */
MakeGraph* find_maker() {
  // For comparisons and for tracing faults, like TORCH_TL_ALLOCATOR.
  if (environment_variable("TORCH_TL_CUDA_GRAPHS") == "off") return nullptr;
  return open_sibling_library(reinterpret_cast<const void*>(&find_maker), "torch-tl-cuda.so")
      .function<MakeGraph>("torch_tl_make_graph");
}

MakeGraph* maker() {
  static MakeGraph* const found = find_maker();
  return found;
}

}  // namespace

bool can_capture_work() { return maker() != nullptr; }

CapturedWork::CapturedWork(const at::Device& device, Work work, at::Generator generator, int warm_up)
    : device_(device), work_(std::move(work)), generator_(std::move(generator)), warm_up_(warm_up) {}

CapturedWork::Outcome CapturedWork::operator()(const Tensors& inputs) {
  if (device_.is_cpu() || !is_due(inputs)) return {work_(inputs), /*replayed=*/false};
  if (!graph_) capture();
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs_[i].copy_(inputs[i]);
  graph_->replay();
  return {outputs_, /*replayed=*/true};
}

/** Whether the work is captured, or has run often enough, for batches of this shape. */
bool CapturedWork::is_due(const Tensors& inputs) {
  if (!can_capture_work()) return false;
  const bool alike = std::ranges::equal(inputs, inputs_, [](const at::Tensor& a, const at::Tensor& b) {
    return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type();
  });
  if (graph_) return alike;
  if (!alike) {
    inputs_ = inputs;
    runs_ = 0;
  }
  return runs_++ >= warm_up_;
}

void CapturedWork::capture() {
  // A graph has memory of its own: free what the allocator keeps for other work.
  for (at::Tensor& input : inputs_) input = at::empty_like(input);
  release_gpu_memory();
  std::unique_ptr<Graph> graph(maker()(device_, generator_));
  graph->capture([this] { outputs_ = work_(inputs_); });
  graph_ = std::move(graph);
}

}  // namespace torch_tl
