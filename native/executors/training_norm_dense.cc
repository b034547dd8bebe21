#include "executors/training_norm_dense.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>

#include "executors/maps.h"
#include "executors/saved_tensors.h"
#include "kernels/kernels.h"

namespace torch_tl {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** Columns that a thread takes at a time: few enough that intermediate values stay in its cache. */
constexpr std::int64_t kColumns = 2 * kPanel;

/** Calls `run(begin)` for every kColumns columns, on all threads. */
template <typename Run>
void over_columns(std::int64_t columns, Run run) {
  at::parallel_for(0, columns / kColumns, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) run(i * kColumns);
  });
}

NormStatistics statistics_of_columns(const at::Tensor& x) {
  const std::int64_t in = x.size(1);
  const float* pivot = values(x);
  at::Tensor totals = at::empty({2, in}, at::kDouble);
  over_columns(in, [&](std::int64_t begin) {
    ChannelSums sums(kColumns);
    for (std::int64_t row = 0; row < x.size(0); ++row) {
      kernels().add_moments(pivot + row * in + begin, pivot + begin, kColumns, sums.first(), sums.second());
      if (row % kRows == 0) sums.flush();
    }
    sums.flush();
    totals.narrow(1, begin, kColumns).copy_(sums.totals());
  });
  return {totals, x[0], x.size(0)};
}

/** y = x * scale + shift of kColumns columns from `begin` on, for all rows; `stride` is that of y. */
void scale_shift_columns(const at::Tensor& x, const ScaleAndShift& norm, std::int64_t begin, float* y,
                         std::int64_t stride) {
  const float* scale = values(norm.scale) + begin;
  const float* shift = values(norm.shift) + begin;
  const float* from = values(x) + begin;
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    kernels().scale_shift(from + row * x.size(1), scale, shift, kColumns, y + row * stride);
  }
}

struct NormDenseGradients {
  at::Tensor scale;   // [in]
  at::Tensor shift;   // [in]
  at::Tensor weight;  // [out, in]
};

/** `normalise` maps x to x', `parameters` are the norm's, `sum` is that of dy over the rows, [out]. */
NormDenseGradients differentiate(const at::Tensor& x, const ScaleAndShift& normalise,
                                 const ScaleAndShift& parameters, const at::Tensor& weight,
                                 const at::Tensor& dy, const at::Tensor& sum) {
  const std::int64_t rows = x.size(0);
  const std::int64_t in = x.size(1);
  const std::int64_t out = weight.size(0);
  const float* sums = values(sum);
  NormDenseGradients gradients{at::zeros({in}), at::zeros({in}), at::empty({out, in})};
  over_columns(in, [&](std::int64_t begin) {
    const at::Tensor normalised = at::empty({rows, kColumns});
    const at::Tensor product = at::zeros({out, kColumns});  // D
    scale_shift_columns(x, normalise, begin, normalised.data_ptr<float>(), kColumns);
    for (std::int64_t panel = 0; panel < kColumns; panel += kPanel) {
      kernels().accumulate_outer(values(dy), out, out, values(normalised) + panel, kColumns, rows,
                                 product.data_ptr<float>() + panel, kColumns);
    }
    const float* d = values(product);
    const float* w = values(weight) + begin;
    const float* scale = values(parameters.scale) + begin;
    const float* shift = values(parameters.shift) + begin;
    auto* weight_gradient = gradients.weight.data_ptr<float>() + begin;
    auto* scale_gradient = gradients.scale.data_ptr<float>() + begin;
    auto* shift_gradient = gradients.shift.data_ptr<float>() + begin;
    for (std::int64_t k = 0; k < out; ++k) {
      kernels().dense_gradient(d + k * kColumns, w + k * in, sums[k], scale, shift, kColumns,
                               weight_gradient + k * in, scale_gradient, shift_gradient);
    }
  });
  return gradients;
}

/** The tensors that the two layers keep for their backward pass. */
struct SavedNormDense {
  at::Tensor x;
  at::Tensor norm_weight;
  at::Tensor norm_bias;
  at::Tensor weight;
  NormStatistics statistics;

  template <typename Visit>
  void each_tensor(Visit visit) {
    visit(x);
    visit(norm_weight);
    visit(norm_bias);
    visit(weight);
    statistics.each_tensor(visit);
  }
};

/** Both layers as one node of autograd's graph. */
class NormDenseNode : public torch::autograd::Function<NormDenseNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& norm_weight,
                            const at::Tensor& norm_bias, const at::Tensor& weight, const at::Tensor& bias,
                            const NormTensors& norm) {
    const NormStatistics statistics = training_statistics(norm, statistics_of_columns(x), x.size(0));
    save_tensors(*context, SavedNormDense{x, norm_weight, norm_bias, weight, statistics});
    const ScaleAndShift norm_over_batch = normalised(norm_weight, norm_bias, statistics);
    at::Tensor y = at::empty_like(x);
    over_columns(x.size(1), [&](std::int64_t begin) {
      scale_shift_columns(x, norm_over_batch, begin, y.data_ptr<float>() + begin, x.size(1));
    });
    return at::linear(y, weight, bias);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = restore_tensors<SavedNormDense>(*context);
    const at::Tensor dy = gradients[0].contiguous();
    const at::Tensor sum = dy.sum(0);
    const NormStatistics& statistics = saved.statistics;
    const ScaleAndShift normalise{statistics.inverse_std, statistics.mean.mul(statistics.inverse_std).neg()};
    const ScaleAndShift parameters{saved.norm_weight, saved.norm_bias};
    const NormDenseGradients of = differentiate(saved.x, normalise, parameters, saved.weight, dy, sum);
    // For the arguments of `forward`: x needs none, and the norm's tensors are no tensor.
    return {/*x=*/{}, of.scale, of.shift, of.weight, /*bias=*/sum, /*norm=*/{}};
  }
};

}  // namespace

bool has_kernels_for(const at::Tensor& weight) {
  return weight.size(0) % 4 == 0 && weight.size(1) % kColumns == 0;
}

at::Tensor run_training(const NormDenseTensors& layers, const at::Tensor& x) {
  const NormTensors& norm = layers.norm;
  return NormDenseNode::apply(x.to(at::kFloat).contiguous(), norm.weight, norm.bias, layers.weight,
                              layers.bias, norm);
}

}  // namespace torch_tl
