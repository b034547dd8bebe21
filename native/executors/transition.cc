#include "executors/transition.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "executors/maps.h"
#include "executors/outer_sum.h"
#include "executors/packed.h"
#include "executors/saved_tensors.h"
#include "executors/staged_rows.h"
#include "executors/threads.h"
#include "kernels/kernels.h"

namespace torch_tl {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** The 2x2 pooling of maps: which rows of `from` each row of the half as high and wide output is made of. */
struct Pooling {
  Maps from;
  std::int64_t height = from.height() / 2;
  std::int64_t width = from.width() / 2;

  EvenRanges chunks() const { return {from.images() * height * width, kRows}; }
  /** The first of the four rows of `from` for a row of the output; the others are one right and one down. */
  std::int64_t corner(std::int64_t row) const {
    const std::int64_t line = row / width;  // counted over all images
    const std::int64_t y = line / height * from.height() + 2 * (line % height);
    return y * from.width() + 2 * (row % width);
  }
  /** Stages norm, ReLU and pool of some rows of the output. */
  void pool(Range rows, const NormRelu& norm, const StagedRows& pooled) const {
    const std::int64_t channels = from.channels();
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      pooled.pool(norm, from.row(corner(rows.begin + i)), channels, from.width() * channels, i);
    }
  }
};

/** Norm, ReLU, pool and convolution; `conv` is in panels. */
at::Tensor forward_transition(const Maps& x, const NormRelu& norm, const at::Tensor& conv) {
  const Pooling pooling{x};
  const Maps y(x.images(), conv.size(0) * kPanel, pooling.height, pooling.width);
  const EvenRanges chunks = pooling.chunks();
  on_threads(
      chunks.count(), [&] { return StagedRows(kRows * x.channels(), conv.scalar_type()); },
      [&](const StagedRows& pooled, std::int64_t i) {
        pooling.pool(chunks[i], norm, pooled);
        pooled.multiply(conv, chunks[i].size(), y.row(chunks[i].begin));
      });
  return y.tensor();
}

/** The gradients of a transition's input and parameters. */
struct TransitionGradients {
  at::Tensor x;
  at::Tensor norm_weight;
  at::Tensor norm_bias;
  at::Tensor conv;
};

/** The backward pass over a batch, from the gradient of the output. */
class Backward {
 public:
  Backward(const Maps& x, const ScaleAndShift& norm, bool norm_trains, const NormStatistics& statistics,
           const at::Tensor& conv)
      : x_(x),
        pooling_{x},
        norm_trains_(norm_trains),
        scale_and_shift_(norm),
        norm_(norm),
        statistics_(statistics),
        conv_trains_(conv.requires_grad()),
        out_(conv.size(0)),
        // Each of the four pixels has a quarter of the mean.
        panels_(in_panels(conv.flatten(1).mul(0.25))),
        dx_(at::zeros_like(x.tensor())),  // rows and columns outside every window stay 0
        sums_(x.channels()) {}

  TransitionGradients run(const Maps& dy) {
    const std::int64_t in = x_.channels();
    at::Tensor kernels = at::zeros({in, out_});
    const EvenRanges chunks = pooling_.chunks();
    const auto workers = on_threads(
        chunks.count(), [&] { return Worker(in, out_); },
        [&](Worker& worker, std::int64_t i) { run_rows(worker, dy, chunks[i]); });
    for (const Worker& worker : workers) {
      kernels.add_(worker.kernels.sum());
      sums_.add(worker.sums);
    }
    const NormSums sums(sums_, scale_and_shift_, statistics_, norm_trains_);
    const NormGradient gradient(scale_and_shift_.scale, statistics_, sums.through_statistics, x_.rows());
    differentiate(gradient, dx_, x_, dx_);
    return {.x = dx_.tensor(),
            .norm_weight = sums.weight,
            .norm_bias = sums.bias,
            .conv = kernels.t().contiguous().view({out_, in, 1, 1})};
  }

 private:
  struct Worker {
    StagedRows pooled;    // [kRows, in]
    at::Tensor gradient;  // of each of the four pixels, [kRows, in]
    at::Tensor relu;      // one row of the ReLU's output, [in]
    OuterSum kernels;     // gradient of the convolution's kernels
    ChannelSums sums;

    Worker(std::int64_t in, std::int64_t out)
        : pooled(kRows * in, at::kFloat),
          gradient(at::empty({kRows, in})),
          relu(at::empty({in})),
          kernels(kRows, in, out, at::kFloat),
          sums(in) {}
  };

  void run_rows(Worker& worker, const Maps& dy, Range rows) const {
    const std::int64_t in = x_.channels();
    const float* dy_rows = dy.row(rows.begin);
    pooling_.pool(rows, norm_, worker.pooled);
    if (conv_trains_) worker.kernels.add(worker.pooled.float32(), dy_rows, rows.size());
    multiply(dy_rows, panels_, rows.size(), worker.gradient.data_ptr<float>());
    const float* gradient = values(worker.gradient);
    const float* mean = values(statistics_.mean);
    auto* relu = worker.relu.data_ptr<float>();
    for (std::int64_t row = 0; row < rows.size(); ++row) {
      const std::int64_t corner = pooling_.corner(rows.begin + row);
      for (const std::int64_t pixel : {corner, corner + 1, corner + x_.width(), corner + x_.width() + 1}) {
        norm_.run(x_.row(pixel), relu);
        std::copy_n(gradient + row * in, in, dx_.row(pixel));
        kernels().mask_and_sum(dx_.row(pixel), relu, x_.row(pixel), mean, in, worker.sums.first(),
                               worker.sums.second());
      }
    }
    worker.sums.flush();
  }

  const Maps& x_;
  Pooling pooling_;
  bool norm_trains_;
  const ScaleAndShift& scale_and_shift_;
  NormRelu norm_;
  const NormStatistics& statistics_;
  bool conv_trains_;
  std::int64_t out_;
  at::Tensor panels_;
  Maps dx_;
  ChannelSums sums_;
};

/** The tensors that a transition keeps for its backward pass. */
struct SavedTransition {
  at::Tensor maps;
  at::Tensor norm_weight;
  at::Tensor norm_bias;
  at::Tensor conv;
  NormStatistics statistics;

  template <typename Visit>
  void each_tensor(Visit visit) {
    visit(maps);
    visit(norm_weight);
    visit(norm_bias);
    visit(conv);
    statistics.each_tensor(visit);
  }
};

/** The transition as one node of autograd's graph. */
class TransitionNode : public torch::autograd::Function<TransitionNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& norm_weight,
                            const at::Tensor& norm_bias, const at::Tensor& conv, const NormTensors& norm,
                            at::ScalarType precision) {
    const Maps maps = maps_of(x);
    const NormStatistics statistics =
        training_statistics(norm, statistics_of(maps, 0, maps.channels()), maps.rows());
    save_tensors(*context, SavedTransition{maps.tensor(), norm_weight, norm_bias, conv, statistics});
    return forward_transition(maps, NormRelu(normalised(norm_weight, norm_bias, statistics)),
                              in_panels(conv.flatten(1).t(), precision));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = restore_tensors<SavedTransition>(*context);
    const Maps x(saved.maps);
    const ScaleAndShift norm = normalised(saved.norm_weight, saved.norm_bias, saved.statistics);
    const bool norm_trains = saved.norm_weight.requires_grad();
    const TransitionGradients of =
        Backward(x, norm, norm_trains, saved.statistics, saved.conv).run(maps_of(gradients[0]));
    // For the arguments of `forward`, the last two of which are no tensors.
    return {of.x, of.norm_weight, of.norm_bias, of.conv, /*norm=*/{}, /*precision=*/{}};
  }
};

}  // namespace

InferenceTransition prepare_inference(const TransitionTensors& transition, at::ScalarType precision) {
  return {NormRelu(evaluated(transition.norm)), in_panels(transition.conv.flatten(1).t(), precision)};
}

at::Tensor run_inference(const InferenceTransition& transition, const at::Tensor& x) {
  return forward_transition(maps_of(x), transition.norm, transition.conv);
}

at::Tensor run_training(const TransitionTensors& transition, at::ScalarType precision, const at::Tensor& x) {
  const NormTensors& norm = transition.norm;
  return TransitionNode::apply(x, norm.weight, norm.bias, transition.conv, norm, precision);
}

}  // namespace torch_tl
