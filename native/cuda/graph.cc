// What needs CUDA's headers, in a library of its own: the engine serves CPU builds of LibTorch too.

#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <map>
#include <memory>

#include "cuda/make_graph.h"

namespace torch_tl {
namespace {

/**
 * Nothing can be recorded on the stream that everything else runs on. One for all of a thread's records,
 * since cuBLAS keeps memory for every stream that it has seen.
 */
c10::cuda::CUDAStream recording_stream(c10::DeviceIndex device) {
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

  void record(const std::function<void()>& work) override {
    const c10::cuda::CUDAGuard on_device(device_);
    const c10::cuda::CUDAStream stream = recording_stream(device_.index());
    stream.synchronize();
    c10::cuda::getCurrentCUDAStream(device_.index()).synchronize();
    const c10::cuda::CUDAStreamGuard on_stream(stream);
    // Other threads may go on with models of their own.
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
  /** LibTorch 2.14 finds by itself which generators are drawn from. */
  template <typename AnyGraph>
  static void use_generator(AnyGraph& graph, const at::Generator& generator) {
    if constexpr (requires { graph.register_generator_state(generator); }) {
      graph.register_generator_state(generator);
    }
  }

  /** Throws nothing: what is on its way says why there is no record. */
  void abandon() noexcept {
    const auto attempt = [](const auto& step) {
      try {
        step();
      } catch (...) {
        // That the record is not whole is known already.
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
