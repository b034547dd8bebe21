#include "device/graph.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "cuda/make_graph.h"
#include "device/gpu.h"

#ifndef _WIN32
#include <dlfcn.h>
#endif

namespace torch_tl {
namespace {

/** The maker of graphs in the library beside this one, which is there where CUDA's headers were. */
MakeGraph* find_maker() {
  // For comparison and for doubt, as TORCH_TL_ALLOCATOR.
  const char* wanted = std::getenv("TORCH_TL_CUDA_GRAPHS");
  if (wanted != nullptr && std::string_view(wanted) == "off") return nullptr;
#ifndef _WIN32
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&find_maker), &here) == 0) return nullptr;
  const std::string engine = here.dli_fname;
  const std::string path = engine.substr(0, engine.rfind('/') + 1) + "torch-tl-cuda.so";
  // Never closed: its code must outlast every graph.
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return reinterpret_cast<MakeGraph*>(dlsym(library, "torch_tl_make_graph"));
#endif
  return nullptr;
}

MakeGraph* maker() {
  static MakeGraph* const found = find_maker();
  return found;
}

}  // namespace

bool can_repeat_work() { return maker() != nullptr; }

RepeatedWork::RepeatedWork(const at::Device& device, Work work, at::Generator generator, int warm_up)
    : device_(device), work_(std::move(work)), generator_(std::move(generator)), warm_up_(warm_up) {}

RepeatedWork::Outcome RepeatedWork::operator()(const Tensors& inputs) {
  if (device_.is_cpu() || !is_due(inputs)) return {work_(inputs), /*repeated=*/false};
  if (!graph_) record();
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs_[i].copy_(inputs[i]);
  graph_->replay();
  return {outputs_, /*repeated=*/true};
}

/** Whether it is recorded, or has run often enough, for batches of this shape. */
bool RepeatedWork::is_due(const Tensors& inputs) {
  if (!can_repeat_work()) return false;
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

void RepeatedWork::record() {
  // A record has memory of its own, of which there is more now.
  for (at::Tensor& input : inputs_) input = at::empty_like(input);
  release_gpu_memory();
  std::unique_ptr<Graph> graph(maker()(device_, generator_));
  graph->record([this] { outputs_ = work_(inputs_); });
  graph_ = std::move(graph);
}

}  // namespace torch_tl
