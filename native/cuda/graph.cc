// Needs CUDA's headers, and is therefore a library of its own: the engine serves CPU builds of LibTorch too.

#include "cuda/graph.h"

#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <map>
#include <memory>

namespace torch_tl {
namespace {

/**
 * The stream on which to capture, which must not be the default one. All captures of a thread share it, since
 * cuBLAS keeps memory for every stream that it has seen.
 */
c10::cuda::CUDAStream capture_stream(c10::DeviceIndex device) {
  thread_local std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams;
  const auto found = streams.find(device);
  if (found != streams.end()) return found->second;
  return streams.emplace(device, c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device))
      .first->second;
}

class CudaGraph final : public Graph {
 public:
  CudaGraph(const at::Device& device, const at::Generator& generator) : device_(device) {
    if (generator.defined()) use_generator(graph_, generator);
  }

  void capture(const std::function<void()>& work) override {
    const c10::cuda::CUDAGuard on_device(device_);
    const c10::cuda::CUDAStream stream = capture_stream(device_.index());
    stream.synchronize();
    c10::cuda::getCurrentCUDAStream(device_.index()).synchronize();
    const c10::cuda::CUDAStreamGuard on_stream(stream);
    // Thread-local, so that other threads can go on working with models of their own.
    graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      abandon();
      throw;
    }
    graph_.capture_end();
  }

  void replay() override {
    const c10::cuda::CUDAGuard on_device(device_);
    graph_.replay();
  }

 private:
  /** LibTorch 2.14 finds out by itself which generators the work draws from. */
  template <typename AnyGraph>
  static void use_generator(AnyGraph& graph, const at::Generator& generator) {
    if constexpr (requires { graph.register_generator_state(generator); }) {
      graph.register_generator_state(generator);
    }
  }

  /** Ends a failed capture. Throws nothing: the exception in flight says why it failed. */
  void abandon() noexcept {
    const auto attempt = [](const auto& step) {
      try {
        step();
      } catch (...) {
        // It is already known that the capture failed.
      }
    };
    attempt([this] { graph_.capture_end(); });
    attempt([this] { graph_.reset(); });
  }

  at::Device device_;
  at::cuda::CUDAGraph graph_;
};

}  // namespace
}  // namespace torch_tl

extern "C" __attribute__((visibility("default"))) torch_tl::Graph* torch_tl_make_graph(
    const at::Device& device, const at::Generator& generator) {
  return std::make_unique<torch_tl::CudaGraph>(device, generator).release();
}
