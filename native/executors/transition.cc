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
#include "executors/staged_rows.h"
#include "executors/threads.h"
#include "kernels/kernels.h"

namespace torch_tl {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** Maps, and the half as high and wide ones that pooling makes of them. */
struct Pooling {
  Maps from;
  std::int64_t height = from.height() / 2;
  std::int64_t width = from.width() / 2;

  EvenParts chunks() const { return {from.images() * height * width, kRows}; }
  /** The first of the four rows that a row is made of: the others are one to the right and one down. */
  std::int64_t corner(std::int64_t row) const {
    const std::int64_t line = row / width;  // over all images
    const std::int64_t y = line / height * from.height() + 2 * (line % height);
    return y * from.width() + 2 * (row % width);
  }
  /** Norm, ReLU and pool of some rows, [rows][channels]. */
  void pool(Range rows, const NormRelu& norm, const StagedRows& pooled) const {
    const std::int64_t channels = from.channels();
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      pooled.pool(norm, from.row(corner(rows.begin + i)), channels, from.width() * channels, i);
    }
  }
};

/** `conv` is in panels. */
at::Tensor forward_transition(const Maps& x, const NormRelu& norm, const at::Tensor& conv) {
  const Pooling pooling{x};
  const Maps y(x.images(), conv.size(0) * kPanel, pooling.height, pooling.width);
  const EvenParts chunks = pooling.chunks();
  on_threads(
      chunks.count(), [&] { return StagedRows(kRows * x.channels(), conv.scalar_type()); },
      [&](const StagedRows& pooled, std::int64_t i) {
        pooling.pool(chunks[i], norm, pooled);
        pooled.multiply(conv, chunks[i].size(), y.row(chunks[i].begin));
      });
  return y.tensor();
}

/** The backward pass over a batch. */
class Backward {
 public:
  /** `weight` is the norm's. */
  Backward(const Maps& x, const at::Tensor& weight, const ScaleAndShift& norm,
           const NormStatistics& statistics, const at::Tensor& conv)
      : x_(x),
        pooling_{x},
        norm_trains_(weight.requires_grad()),
        scale_and_shift_(norm),
        norm_(norm),
        statistics_(statistics),
        conv_trains_(conv.requires_grad()),
        out_(conv.size(0)),
        // Each of four pixels has a quarter of the mean.
        panels_(in_panels(conv.flatten(1).mul(0.25))),
        dx_(at::zeros_like(x.tensor())),  // rows and columns that no pool reaches stay 0
        sums_(x.channels()) {}

  /** From the gradient of the result to those of x, the norm's weight and bias, and the convolution. */
  variable_list run(const Maps& dy) {
    const std::int64_t in = x_.channels();
    at::Tensor kernels = at::zeros({in, out_});
    const EvenParts chunks = pooling_.chunks();
    const auto workers = on_threads(
        chunks.count(), [&] { return Worker(in, out_); },
        [&](Worker& worker, std::int64_t i) { run_rows(worker, dy, chunks[i]); });
    for (const Worker& worker : workers) {
      kernels.add_(worker.kernels.sum());
      sums_.add(worker.sums);
    }
    const NormSums sums(sums_, scale_and_shift_, statistics_, norm_trains_);
    const NormGradient gradient(scale_and_shift_.scale, statistics_, sums.through_statistics, x_.rows());
    at::parallel_for(0, x_.rows(), kRows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) gradient.run(dx_.row(row), x_.row(row), dx_.row(row));
    });
    return {dx_.tensor(), sums.weight, sums.bias, kernels.t().contiguous().view({out_, in, 1, 1})};
  }

 private:
  struct Worker {
    StagedRows pooled;    // [kRows, in]
    at::Tensor gradient;  // a quarter of its, [kRows, in]
    at::Tensor relu;      // [in]
    OuterSum kernels;
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

/** The transition as one node of autograd's graph. */
class TransitionNode : public torch::autograd::Function<TransitionNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& conv, const NormTensors& norm,
                            at::ScalarType precision) {
    const Maps maps = maps_of(x);
    const NormStatistics statistics = in_training(norm, statistics_of(maps, 0, maps.channels()), maps.rows());
    context->save_for_backward({maps.tensor(), weight, bias, conv, statistics.mean, statistics.variance});
    return forward_transition(maps, NormRelu(trained(weight, bias, statistics)),
                              in_panels(conv.flatten(1).t(), precision));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const Maps x(saved[0]);
    const NormStatistics statistics(saved[4], saved[5]);
    const ScaleAndShift norm = trained(saved[1], saved[2], statistics);
    variable_list results = Backward(x, saved[1], norm, statistics, saved[3]).run(maps_of(gradients[0]));
    results.resize(results.size() + 2);  // neither the norm's tensors nor the precision are a tensor
    return results;
  }
};

}  // namespace

FusedTransition::FusedTransition(NormRelu norm_, const at::Tensor& conv_, at::ScalarType precision)
    : norm(std::move(norm_)), conv(in_panels(conv_.flatten(1).t(), precision)) {}

at::Tensor run_fused(const FusedTransition& transition, const at::Tensor& x) {
  return forward_transition(maps_of(x), transition.norm, transition.conv);
}

at::Tensor run_trained(const NormTensors& norm, const at::Tensor& conv, at::ScalarType precision,
                       const at::Tensor& x) {
  return TransitionNode::apply(x, norm.weight, norm.bias, conv, norm, precision);
}

}  // namespace torch_tl
