#include "training/random_state.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <string>
#include <vector>

namespace torch_tl {
namespace {

at::Generator make_generator(const at::Device& device, std::uint64_t seed) {
  if (device.is_cpu()) return at::detail::createCPUGenerator(seed);
  at::Generator generator = at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(seed);
  return generator;
}

/** Seeds of different ranks, and of later epochs, that have nothing in common; rank 0 has the seed itself. */
std::uint64_t seed_of(std::uint64_t seed, std::int64_t rank, std::int64_t epoch = 0) {
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
  constexpr std::uint64_t kOther = 0xd1b54a32d192ed03;
  return seed ^ (kGolden * static_cast<std::uint64_t>(rank)) ^ (kOther * static_cast<std::uint64_t>(epoch));
}

/** `random.dropout.cpu`, or `random.1.dropout.cpu` of rank 1. */
std::string name_of(const std::string& generator, std::int64_t rank) {
  return rank == 0 ? "random." + generator : "random." + std::to_string(rank) + "." + generator;
}

/** On another kind of device the generator is of another kind. */
std::string dropout_name(const at::Generator& dropout) {
  return "dropout." + c10::DeviceTypeName(dropout.device().type(), /*lower_case=*/true);
}

void save_all(const std::string& name, const at::Generator& generator, Archive& archive, Ranks& ranks) {
  const std::vector<at::Tensor> states = ranks.gather(generator.get_state());
  for (std::size_t rank = 0; rank < states.size(); ++rank) {
    archive.tensor(name_of(name, static_cast<std::int64_t>(rank)), states[rank]);
  }
}

}  // namespace

RandomState::RandomState(const at::Device& device, std::uint64_t seed, std::int64_t rank)
    : order(make_generator(at::kCPU, seed)),
      dropout(make_generator(device, seed_of(seed, rank))),
      augmentation(make_generator(at::kCPU, seed_of(seed, rank))),
      seed_(seed) {}

void RandomState::save(Archive& archive, Ranks& ranks) const {
  archive.tensor("random.order", order.get_state());
  save_all(dropout_name(dropout), dropout, archive, ranks);
  save_all("augmentation", augmentation, archive, ranks);
}

void RandomState::restore(Archive& archive, std::int64_t rank, std::int64_t epoch) {
  archive.generator("random.order", order);
  const std::string own_dropout = name_of(dropout_name(dropout), rank);
  if (archive.has(own_dropout)) {
    archive.generator(own_dropout, dropout);
  } else {
    dropout.set_current_seed(seed_of(seed_, rank, epoch));
  }
  const std::string own_augmentation = name_of("augmentation", rank);
  if (rank == 0 || archive.has(own_augmentation)) {
    archive.generator(own_augmentation, augmentation);
  } else {
    augmentation.set_current_seed(seed_of(seed_, rank, epoch));
  }
}

}  // namespace torch_tl
