#include "model/execution.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "executors/inference_block.h"
#include "executors/inference_dense.h"
#include "executors/inference_stem.h"
#include "executors/training_block.h"
#include "executors/training_norm_dense.h"
#include "executors/training_stem.h"
#include "executors/transition.h"
#include "kernels/cpu_features.h"
#include "kernels/kernels.h"
#include "model/executor.h"
#include "model/gpu_execution.h"

namespace torch_tl {
namespace {

/** Whether the executors for processors may run on x in this pass: x is on one that has their kernels. */
bool executors_run_on(const at::Tensor& x, const ForwardContext& context) {
  if (!context.allows_executors() || !x.is_cpu() || runnable_kernels().empty()) return false;
  // LibTorch's bfloat16 products are faster on a processor with instructions for such matrices.
  return x.scalar_type() == at::kFloat || (x.scalar_type() == at::kBFloat16 && !cpu_features().amx_bf16);
}

/** The executor for some layers on x in this pass, on a processor. */
Executor choose(const std::vector<Layer*>& layers, const at::Tensor& x, const ForwardContext& context) {
  return executors_run_on(x, context) ? executor_for(layers, x, context) : Executor::kPlain;
}

/**
 * Weights prepared for the inference executor, made again when the layers' tensors or the precision change.
 */
template <typename Weights>
class PreparedWeights {
 public:
  /** `prepare` makes the weights of these layers for this precision; it runs without gradients. */
  template <typename Prepare>
  const Weights& get(const std::vector<Layer*>& layers, at::ScalarType precision, Prepare prepare) {
    const Source source{generation_of(layers), precision};
    if (!weights_ || source != source_) {
      const at::NoGradGuard no_grad;
      weights_.emplace(prepare());
      source_ = source;
    }
    return *weights_;
  }

 private:
  /** What the weights were made from. */
  struct Source {
    std::uint64_t generation = 0;
    at::ScalarType precision = at::kFloat;
    bool operator==(const Source&) const = default;
  };

  /** Grows whenever one of the layers changes. */
  static std::uint64_t generation_of(const std::vector<Layer*>& layers) {
    std::uint64_t sum = 0;
    for (const Layer* layer : layers) sum += layer->generation();
    return sum;
  }

  std::optional<Weights> weights_;
  Source source_;
};

/**
 * A dense block: its frozen front by the inference executor, the layers from the first other one on as one.
 */
class BlockExecution {
 public:
  explicit BlockExecution(DenseBlock& block) : block_(block), prepared_(block.layers.size()) {}

  at::Tensor operator()(at::Tensor x, const ForwardContext& context) {
    std::vector<const InferenceDenseLayer*> front;
    Executor rest = Executor::kPlain;
    for (DenseLayer& layer : block_.layers) {
      const Executor executor = choose(layer.leaves(), x, context);
      if (executor != Executor::kInference) {
        rest = executor;
        break;
      }
      front.push_back(&prepared(front.size(), context.precision));
    }
    if (!front.empty()) x = run_inference(front, x);
    const auto layers = std::span(block_.layers).subspan(front.size());
    if (layers.empty()) return x;
    if (rest == Executor::kTraining) return train(layers, x, context);
    x = x.to(context.precision);
    for (DenseLayer& layer : layers) x = layer(x, context);
    return x;
  }

 private:
  const InferenceDenseLayer& prepared(std::size_t i, at::ScalarType precision) {
    DenseLayer& layer = block_.layers[i];
    return prepared_[i].get(layer.leaves(), precision,
                            [&] { return prepare_inference(tensors_of(layer), precision); });
  }

  static at::Tensor train(std::span<DenseLayer> layers, const at::Tensor& x, const ForwardContext& context) {
    std::vector<DenseLayerTensors> tensors;
    for (const DenseLayer& layer : layers) tensors.push_back(tensors_of(layer));
    return run_training(tensors, context.precision, x);
  }

  DenseBlock& block_;
  std::vector<PreparedWeights<InferenceDenseLayer>> prepared_;
};

}  // namespace

Execution::Run Execution::of(Stem& stem) {
  return [&stem, prepared = PreparedWeights<InferenceStem>()](const at::Tensor& x,
                                                              const ForwardContext& context) mutable {
    const Executor executor = choose(stem.leaves(), x, context);
    if (executor == Executor::kInference) {
      return run_inference(
          prepared.get(stem.leaves(), context.precision, [&] { return prepare_inference(tensors_of(stem)); }),
          x);
    }
    // The training executor computes no gradient for the images.
    if (executor == Executor::kTraining && !x.requires_grad()) return run_training(tensors_of(stem), x);
    return stem(x.to(context.precision), context);
  };
}

Execution::Run Execution::of(DenseBlock& block) { return BlockExecution(block); }

Execution::Run Execution::of(Transition& transition) {
  return [&transition, prepared = PreparedWeights<InferenceTransition>()](
             const at::Tensor& x, const ForwardContext& context) mutable {
    const at::ScalarType precision = context.precision;
    const Executor executor = choose(transition.leaves(), x, context);
    if (executor == Executor::kInference) {
      return run_inference(prepared.get(transition.leaves(), precision,
                                        [&] { return prepare_inference(tensors_of(transition), precision); }),
                           x);
    }
    if (executor == Executor::kTraining) return run_training(tensors_of(transition), precision, x);
    return transition(x.to(precision), context);
  };
}

// Its input may be float32 in a pass of bfloat16: that of an executor, whose rounding would only lose bits.
Execution::Run Execution::of(LastNorm& last_norm) {
  return [&last_norm](const at::Tensor& x, const ForwardContext& context) { return last_norm(x, context); };
}

Execution::Run Execution::of(Layer& layer) {
  return [&layer](const at::Tensor& x, const ForwardContext& context) { return layer(x, context); };
}

Execution::Run Execution::of(Linear& dense) {
  return [&dense, prepared = PreparedWeights<InferenceDense>()](const at::Tensor& x,
                                                                const ForwardContext& context) mutable {
    if (choose({&dense}, x, context) != Executor::kInference) return dense(x, context);
    const at::ScalarType precision = x.scalar_type();
    const DenseTensors tensors{dense.weight(), dense.bias()};
    return run_inference(
        prepared.get({&dense}, precision, [&] { return prepare_inference(tensors, precision); }), x);
  };
}

Execution::Run Execution::of(BatchNorm& norm, Linear& dense) {
  return [&norm, &dense, run_dense = of(dense)](const at::Tensor& x, const ForwardContext& context) {
    // The training executor computes no gradient for x, such as cached features.
    if (executors_run_on(x, context) && is_training_step(x, context) && !x.requires_grad() &&
        has_kernels_for(dense.weight())) {
      return run_training(NormDenseTensors{norm.tensors(), dense.weight(), dense.bias()}, x);
    }
    return run_dense(norm(x, context), context);
  };
}

template <typename Section>
Execution::RunSection Execution::on_any_device(Section& section) {
  return [&section, run = of(section)](const gpu::Maps& x, const ForwardContext& context) {
    if (const gpu::Primitives* primitives = primitives_for(x.tensor, context)) {
      return run_on_gpu(*primitives, section, x, context);
    }
    return gpu::Maps{run(x.tensor, context), {}};
  };
}

Execution::Execution(DenseNet121& backbone, Head& head) : backbone_(backbone) {
  sections_.push_back(on_any_device(backbone.stem));
  for (std::size_t i = 0; i < backbone.blocks.size(); ++i) {
    sections_.push_back(on_any_device(backbone.blocks[i]));
    if (i < backbone.transitions.size()) sections_.push_back(on_any_device(backbone.transitions[i]));
  }
  sections_.emplace_back([run = of(backbone.last_norm)](const gpu::Maps& x, const ForwardContext& context) {
    return gpu::Maps{run(x.tensor, context), {}};
  });

  const std::vector<Layer*> layers = head.leaves();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto* norm = dynamic_cast<BatchNorm*>(layers[i]);
    auto* dense = i + 1 < layers.size() ? dynamic_cast<Linear*>(layers[i + 1]) : nullptr;
    if (norm != nullptr && dense != nullptr) {
      head_.push_back(of(*norm, *dense));
      ++i;
    } else if (auto* alone = dynamic_cast<Linear*>(layers[i])) {
      head_.push_back(of(*alone));
    } else {
      head_.push_back(of(*layers[i]));
    }
  }
}

at::Tensor Execution::run_backbone(at::Tensor x, std::size_t begin, std::size_t end,
                                   const ForwardContext& context) {
  ForwardContext in_precision = context;
  in_precision.precision = x.scalar_type();
  const std::size_t cut = backbone_.frozen_cut();
  gpu::Maps maps{std::move(x), {}};
  for (std::size_t i = begin; i < end; ++i) {
    // Such a pass moves running statistics, and mostly a step along its gradients follows.
    if (context.training) backbone_.sections().at(i)->about_to_train();
    maps = sections_.at(i)(maps, in_precision);
    // Features may be cached here: with and without a cache the same values must go on.
    if (i + 1 == cut) maps = {maps.tensor.to(in_precision.precision), {}};
  }
  return maps.tensor.to(in_precision.precision);
}

at::Tensor Execution::run_first_of_head(at::Tensor x, const ForwardContext& context) {
  return head_.front()(std::move(x), context);
}

at::Tensor Execution::run_rest_of_head(at::Tensor x, const ForwardContext& context) {
  for (const Run& run : std::span(head_).subspan(1)) {
    // Rounded logits would make ties of likely classes, and their last layer costs next to nothing.
    if (&run == &head_.back()) x = x.to(at::kFloat);
    x = run(std::move(x), context);
  }
  return x;
}

}  // namespace torch_tl
