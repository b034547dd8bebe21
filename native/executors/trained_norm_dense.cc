#include "executors/trained_norm_dense.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>

#include "executors/maps.h"
#include "kernels/kernels.h"

namespace torch_tl {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** Columns that a thread takes at a time: so many that what is between the products stays in its cache. */
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

/** x * scale + shift of some rows' kColumns columns from `begin`. */
void scale_shift_columns(const at::Tensor& x, const ScaleAndShift& norm, std::int64_t begin, float* y,
                         std::int64_t stride) {
  const float* scale = values(norm.scale) + begin;
  const float* shift = values(norm.shift) + begin;
  const float* from = values(x) + begin;
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    kernels().scale_shift(from + row * x.size(1), scale, shift, kColumns, y + row * stride);
  }
}

struct Gradients {
  at::Tensor scale;   // [in]
  at::Tensor shift;   // [in]
  at::Tensor weight;  // [out, in]
};

/** `normalise` makes x' of x; `sum` is that of dy over the rows, [out]. */
Gradients differentiate(const at::Tensor& x, const ScaleAndShift& normalise, const ScaleAndShift& parameters,
                        const at::Tensor& weight, const at::Tensor& dy, const at::Tensor& sum) {
  const std::int64_t rows = x.size(0);
  const std::int64_t in = x.size(1);
  const std::int64_t out = weight.size(0);
  const float* sums = values(sum);
  Gradients gradients{at::zeros({in}), at::zeros({in}), at::empty({out, in})};
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

/** Both layers as one node of autograd's graph. */
class NormDenseNode : public torch::autograd::Function<NormDenseNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& norm_weight,
                            const at::Tensor& norm_bias, const at::Tensor& weight, const at::Tensor& bias,
                            const NormTensors& norm) {
    const NormStatistics statistics = in_training(norm, statistics_of_columns(x), x.size(0));
    context->save_for_backward({x, norm_weight, norm_bias, weight, statistics.mean, statistics.inverse_std});
    const ScaleAndShift norm_over_batch = trained(norm_weight, norm_bias, statistics);
    at::Tensor y = at::empty_like(x);
    over_columns(x.size(1), [&](std::int64_t begin) {
      scale_shift_columns(x, norm_over_batch, begin, y.data_ptr<float>() + begin, x.size(1));
    });
    return at::linear(y, weight, bias);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    const at::Tensor sum = dy.sum(0);
    const ScaleAndShift normalise{saved[5], saved[4].mul(saved[5]).neg()};
    Gradients of = differentiate(saved[0], normalise, {saved[1], saved[2]}, saved[3], dy, sum);
    return {at::Tensor(), of.scale, of.shift, of.weight, sum, at::Tensor()};
  }
};

}  // namespace

bool has_kernels_for(const at::Tensor& weight) {
  return weight.size(0) % 4 == 0 && weight.size(1) % kColumns == 0;
}

at::Tensor run_trained(const NormTensors& norm, const at::Tensor& weight, const at::Tensor& bias,
                       const at::Tensor& x) {
  return NormDenseNode::apply(x.to(at::kFloat).contiguous(), norm.weight, norm.bias, weight, bias, norm);
}

}  // namespace torch_tl
