#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iostream>
#include <memory>
#include <span>
#include <stdexcept>

#include "comparison.h"
#include "executors/training_block.h"
#include "executors/training_stem.h"
#include "executors/transition.h"
#include "gpu/maps.h"
#include "kernels/kernels.h"
#include "model/densenet.h"
#include "model/executor.h"
#include "model/gpu_execution.h"

namespace torch_tl {
namespace {

/* One section at a time, over maps with enough values that rounding does not grow. */

/**
 * Relative to each tensor's norm. Half of the passes must agree to rounding. In others a ReLU's input stands
 * so near its kink that rounding decides, and a gradient goes to another place.
 */
constexpr double kRounding = 1e-5;
constexpr double kKinks = 5e-2;
/** In bfloat16, in terms of the layers' own distance from float32. */
constexpr double kRoundingShare = 1.5;

/** Maps [images, channels, height, width]. */
struct Size {
  std::int64_t images;
  std::int64_t height;
  std::int64_t width;
};
constexpr std::array kSizes{Size{5, 7, 9}, Size{2, 16, 17}, Size{1, 33, 47}, Size{3, 11, 6}};

at::Tensor maps(const Size& size, std::int64_t channels) {
  at::Generator generator = at::detail::createCPUGenerator(11);
  return at::randn({size.images, channels, size.height, size.width}, generator)
      .add_(0.3)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

/** Varies the norms and lets all layers but those in `frozen` train. */
void set_up(const std::vector<Layer*>& leaves, const std::vector<std::size_t>& frozen) {
  at::Generator generator = at::detail::createCPUGenerator(5);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    leaves[i]->to(at::kCPU);
    leaves[i]->set_trainable(std::ranges::find(frozen, i) == frozen.end());
    if (dynamic_cast<BatchNorm*>(leaves[i]) == nullptr) continue;
    const at::NoGradGuard no_grad;
    for (const std::vector<NamedTensor>& tensors : {leaves[i]->parameters(), leaves[i]->buffers()}) {
      for (const NamedTensor& named : tensors) {
        if (named.tensor.dim() == 0) continue;
        const at::Tensor values = at::rand(named.tensor.sizes(), generator);
        at::Tensor(named.tensor).copy_(named.name.ends_with("bias") ? values.sub_(0.5) : values.add_(0.5));
      }
    }
  }
}

/** Makes a section from a generator, and runs it in some way. */
template <typename Section>
struct Subject {
  std::function<std::unique_ptr<Section>(at::Generator&)> make;
  std::int64_t channels;
  bool of_x;  // whether there is a gradient for the input
};

template <typename Section>
using RunSection = std::function<at::Tensor(Section&, const at::Tensor& x, const ForwardContext&)>;

/** What must be alike: outputs, gradients and the tensors after the pass, all under a name. */
template <typename Section>
std::vector<NamedTensor> results(const Subject<Section>& subject, const Size& size,
                                 const std::vector<std::size_t>& frozen, at::ScalarType precision,
                                 bool training, const RunSection<Section>& run) {
  at::Generator generator = at::detail::createCPUGenerator(3);
  const std::unique_ptr<Section> section = subject.make(generator);
  const std::vector<Layer*> leaves = section->leaves();
  set_up(leaves, frozen);
  ForwardContext context(Computation{.precision = precision});
  context.training = training;
  const at::AutoGradMode mode(training);
  const at::Tensor x = maps(size, subject.channels).to(precision).requires_grad_(training && subject.of_x);
  const at::Tensor y = run(*section, x, context);
  std::vector<NamedTensor> all{{"output", y.detach()}};
  if (y.requires_grad()) {
    y.to(at::kFloat).mul(at::rand(y.sizes(), generator).sub_(0.5)).sum().backward();
  }
  if (x.grad().defined()) all.push_back({"gradient of the input", x.grad()});
  for (Layer* leaf : leaves) {
    for (const NamedTensor& named : leaf->parameters()) {
      const at::Tensor& gradient = named.tensor.grad();
      if (gradient.defined()) all.push_back({"gradient of " + named.name, gradient});
    }
    for (const NamedTensor& named : leaf->buffers()) all.push_back(named);
  }
  return all;
}

/** The largest difference of two lists of tensors, relative to each tensor's norm, and where it is. */
struct Worst {
  double off = 0;
  std::string name;
};

Worst worst_of(const std::vector<NamedTensor>& actual, const std::vector<NamedTensor>& expected) {
  if (actual.size() != expected.size()) throw std::runtime_error("there are other tensors");
  Worst worst;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double off = difference(actual[i], expected[i]);
    if (off > worst.off) worst = {off, actual[i].name};
  }
  return worst;
}

/** The differences of several passes. */
class Differing {
 public:
  void add(const Worst& worst) { passes_.push_back(worst); }
  bool is_rounding() const { return median() <= kRounding && largest().off <= kKinks; }

  friend std::ostream& operator<<(std::ostream& out, const Differing& differing) {
    return out << "median " << differing.median() << ", largest " << differing.largest().off << " ("
               << differing.largest().name << ")";
  }

 private:
  double median() const {
    std::vector<Worst> sorted = passes_;
    std::ranges::sort(sorted, {}, &Worst::off);
    return sorted[sorted.size() / 2].off;
  }
  const Worst& largest() const { return *std::ranges::max_element(passes_, {}, &Worst::off); }

  std::vector<Worst> passes_;
};

/** Compares the executor with the layers, over all sizes and with each of these layers frozen. */
template <typename Section>
bool agrees(const std::string& name, const Subject<Section>& subject, const RunSection<Section>& executor,
            const RunSection<Section>& cpu, const RunSection<Section>& layers,
            const std::vector<std::vector<std::size_t>>& freezings, bool thorough) {
  // A processor may have none of its executors' kernels.
  const RunSection<Section>& on_processor = runnable_kernels().empty() ? layers : cpu;
  Differing from_layers;
  Differing from_cpu;
  bool agree = true;
  for (const Size& size : std::span(kSizes).first(thorough ? kSizes.size() : 2)) {
    for (const auto& frozen : freezings) {
      const auto actual = results(subject, size, frozen, at::kFloat, true, executor);
      from_layers.add(worst_of(actual, results(subject, size, frozen, at::kFloat, true, layers)));
      from_cpu.add(worst_of(actual, results(subject, size, frozen, at::kFloat, true, on_processor)));
    }
    from_layers.add(worst_of(results(subject, size, {}, at::kFloat, false, executor),
                             results(subject, size, {}, at::kFloat, false, layers)));
    const auto exact = results(subject, size, {}, at::kFloat, true, layers);
    const Worst ours = worst_of(results(subject, size, {}, at::kBFloat16, true, executor), exact);
    const Worst theirs = worst_of(results(subject, size, {}, at::kBFloat16, true, layers), exact);
    if (ours.off <= kRoundingShare * theirs.off) continue;
    agree = false;
    std::cout << name << " in bf16: " << ours.name << " is off by " << ours.off << ", of the layers "
              << theirs.name << " by " << theirs.off << '\n';
  }
  std::cout << name << ", from layers: " << from_layers << "; from CPU executors: " << from_cpu << '\n';
  return agree && from_layers.is_rounding() && from_cpu.is_rounding();
}

/** A block and the transition behind it, which share the moments of the block's maps. */
class BlockAndTransition final : public Section {
 public:
  explicit BlockAndTransition(at::Generator& generator)
      : Section("both"), block("denseblock1", 4, 64, generator), transition("transition1", 192, generator) {}
  std::vector<Layer*> leaves() override {
    std::vector<Layer*> all = block.leaves();
    const std::vector<Layer*> more = transition.leaves();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  at::Tensor operator()(at::Tensor x, const ForwardContext& context) {
    for (DenseLayer& layer : block.layers) x = layer(x, context);
    return transition(x, context);
  }

  DenseBlock block;
  Transition transition;
};

template <typename Section>
RunSection<Section> by_layers() {
  return [](Section& section, const at::Tensor& x, const ForwardContext& context) {
    return section(x, context);
  };
}

template <typename Section>
RunSection<Section> by_executor(const gpu::Primitives& primitives) {
  return [&primitives](Section& section, const at::Tensor& x, const ForwardContext& context) {
    return run_on_gpu(primitives, section, {x, {}}, context).tensor;
  };
}

bool stems_agree(const gpu::Primitives& primitives, const std::string& name, bool thorough) {
  const Subject<Stem> subject{[](at::Generator& generator) { return std::make_unique<Stem>(generator); }, 3,
                              /*of_x=*/false};
  const auto cpu = [](Stem& stem, const at::Tensor& x, const ForwardContext&) {
    return run_training(tensors_of(stem), x);
  };
  return agrees<Stem>(name + ", stem", subject, by_executor<Stem>(primitives), cpu, by_layers<Stem>(),
                      {{}, {0}, {1}}, thorough);
}

bool transitions_agree(const gpu::Primitives& primitives, const std::string& name, bool thorough) {
  const Subject<Transition> subject{
      [](at::Generator& generator) { return std::make_unique<Transition>("transition1", 64, generator); }, 64,
      /*of_x=*/true};
  const auto cpu = [](Transition& transition, const at::Tensor& x, const ForwardContext& context) {
    return run_training(tensors_of(transition), context.precision, x);
  };
  return agrees<Transition>(name + ", transition", subject, by_executor<Transition>(primitives), cpu,
                            by_layers<Transition>(), {{}, {0}, {2}, {0, 2}}, thorough);
}

bool blocks_agree(const gpu::Primitives& primitives, const std::string& name, bool thorough) {
  const Subject<BlockAndTransition> subject{
      [](at::Generator& generator) { return std::make_unique<BlockAndTransition>(generator); }, 64,
      /*of_x=*/true};
  const auto executor = [&](BlockAndTransition& both, const at::Tensor& x, const ForwardContext& context) {
    const gpu::Maps maps = run_on_gpu(primitives, both.block, {x, {}}, context);
    return run_on_gpu(primitives, both.transition, maps, context).tensor;
  };
  const auto cpu = [](BlockAndTransition& both, const at::Tensor& x, const ForwardContext& context) {
    std::vector<DenseLayerTensors> layers;
    for (const DenseLayer& layer : both.block.layers) layers.push_back(tensors_of(layer));
    return run_training(tensors_of(both.transition), context.precision,
                        run_training(layers, context.precision, x));
  };
  // Of each layer norm1, conv1, norm2 and conv2 are 0, 2, 3 and 5; the transition's norm and convolution 18
  // and 20.
  return agrees<BlockAndTransition>(name + ", block and transition", subject, executor, cpu,
                                    by_layers<BlockAndTransition>(),
                                    {{},
                                     {0},
                                     {2, 9},
                                     {3, 17},
                                     {5, 6},
                                     {8, 11, 24},
                                     {12, 26},
                                     {24},
                                     {0, 6, 12},
                                     {3, 9, 15},
                                     {0, 2, 3, 5},
                                     {6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 23},
                                     {0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 23, 24, 26}},
                                    thorough);
}

}  // namespace

bool sections_agree(const gpu::Primitives& primitives, const std::string& name, bool thorough) {
  const bool stems = stems_agree(primitives, name, thorough);
  const bool transitions = transitions_agree(primitives, name, thorough);
  const bool blocks = blocks_agree(primitives, name, thorough);
  return stems && transitions && blocks;
}

}  // namespace torch_tl
