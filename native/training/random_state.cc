#include "training/random_state.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <string>

namespace torch_tl {
namespace {

at::Generator make_generator(const at::Device& device, std::uint64_t seed) {
  if (device.is_cpu()) return at::detail::createCPUGenerator(seed);
  at::Generator generator = at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(seed);
  return generator;
}

}  // namespace

RandomState::RandomState(const at::Device& device, std::uint64_t seed)
    : order(make_generator(at::kCPU, seed)),
      dropout(make_generator(device, seed)),
      augmentation(make_generator(at::kCPU, seed)) {}

void RandomState::archive(Archive& archive) {
  archive.generator("random.order", order);
  // On another kind of device the generator differs in kind, and starts from the seed again.
  const std::string name =
      "random.dropout." + c10::DeviceTypeName(dropout.device().type(), /*lower_case=*/true);
  if (!archive.restoring() || archive.has(name)) archive.generator(name, dropout);
  archive.generator("random.augmentation", augmentation);
}

}  // namespace torch_tl
