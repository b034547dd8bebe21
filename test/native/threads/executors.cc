#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/rand.h>

#include <cstdint>
#include <vector>

#include "model/network.h"
#include "threads.h"

namespace torch_tl {
namespace {

/** Sides of the maps: 64, 16, 8, 4, 2. An odd number of images leaves threads uneven shares. */
constexpr std::int64_t kImageSize = 64;
constexpr std::int64_t kImages = 5;

Network small_network() {
  return Network({.image_size = kImageSize,
                  .head = {{.type = "flatten"},
                           {.type = "batchNorm"},
                           {.type = "dense", .units = 16},
                           {.type = "relu"},
                           {.type = "dense", .units = 4}},
                  .seed = 1,
                  .mean = {0.5F, 0.5F, 0.5F},
                  .std = {0.25F, 0.25F, 0.25F}});
}

at::Tensor images(at::ScalarType precision) {
  const at::Generator generator = at::detail::createCPUGenerator(7);
  const at::Tensor values = at::rand({kImages, 3, kImageSize, kImageSize}, generator);
  return values.to(precision).contiguous(at::MemoryFormat::ChannelsLast);
}

/** Logits, and the gradients of all parameters where `training`. */
std::vector<at::Tensor> run(const Computation& computation, bool training, int threads) {
  at::set_num_threads(threads);
  Network network = small_network();
  network.about_to_train();
  ForwardContext context(computation);
  context.training = training;
  context.dropout_generator = at::detail::createCPUGenerator(3);
  const at::Tensor input = images(computation.precision);
  if (!training) {
    const at::NoGradGuard no_grad;
    return {network.logits(network.features(input, context), context)};
  }
  const at::Tensor logits = network.logits(network.features(input, context), context);
  logits.square().sum().backward();
  std::vector<at::Tensor> results{logits.detach()};
  for (const NamedTensor& parameter : network.trainable_parameters()) {
    results.push_back(parameter.tensor.grad().clone());
  }
  return results;
}

bool equal(const std::vector<at::Tensor>& left, const std::vector<at::Tensor>& right) {
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (!left[i].equal(right.at(i))) return false;
  }
  return left.size() == right.size();
}

const char* fault_of(at::ScalarType precision) {
  const Computation computation{.precision = precision};
  if (!equal(run(computation, false, 1), run(computation, false, kThreads)))
    return "an image's logits depend on the number of threads";
  const std::vector<at::Tensor> gradients = run(computation, true, kThreads);
  for (int turn = 0; turn < 3; ++turn) {
    if (!equal(gradients, run(computation, true, kThreads))) return "the same step gave other gradients";
  }
  return nullptr;
}

}  // namespace

const char* fault_of_executors() {
  const char* fault = fault_of(at::kFloat);
  return fault != nullptr ? fault : fault_of(at::kBFloat16);
}

}  // namespace torch_tl
