#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "executors/saved_tensors.h"
#include "gpu/maps.h"
#include "gpu/node_state.h"
#include "gpu/prepared.h"
#include "gpu/training.h"

namespace torch_tl::gpu {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** The moments of maps that nothing has computed yet, as a node of autograd's graph. */
class MomentsNode : public torch::autograd::Function<MomentsNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const Primitives& primitives) {
    at::Tensor moments = at::empty({2, x.size(1)}, x.options().dtype(at::kFloat));
    primitives.place(rows_of(x), /*y=*/{}, moments);
    context->save_for_backward({x, moments});
    save_state(*context, c10::make_intrusive<NodeState>(primitives, shape_of(x)));
    return moments;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const NodeState& state = state_of(*context);
    const at::Tensor x = rows_of(saved[0]);
    const at::Tensor dx = at::zeros_like(x);
    state.primitives.add_through_moments(dx, x, saved[1], gradients[0].contiguous(), dx);
    return {maps_of(dx, state.shape), /*primitives=*/{}};
  }
};

/** The tensors that a transition keeps for its backward pass. */
struct SavedTransition {
  at::Tensor maps;
  at::Tensor pooled;  // the convolution's input, [rows, in]
  at::Tensor norm;    // [kNormRows, in]
  at::Tensor conv;    // [out, in], in the precision of the pass
  at::Tensor norm_weight;
  at::Tensor conv_weight;

  template <typename Visit>
  void each_tensor(Visit visit) {
    visit(maps);
    visit(pooled);
    visit(norm);
    visit(conv);
    visit(norm_weight);
    visit(conv_weight);
  }
};

/** The transition as one node of autograd's graph. */
class TransitionNode : public torch::autograd::Function<TransitionNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& moments,
                            const at::Tensor& norm_weight, const at::Tensor& /*norm_bias*/,
                            const at::Tensor& conv_weight, const NormTensors& norm_tensors,
                            const Primitives& primitives) {
    const MapShape shape = shape_of(x);
    const MapShape half = halved_down(shape);
    const at::Tensor conv = pack(primitives, {{conv_weight}}, x.scalar_type()).front().flatten(1);
    const at::Tensor norm = in_training(primitives, norm_tensors, moments, shape.rows());
    const at::Tensor pooled = at::empty({half.rows(), x.size(1)}, x.options());
    primitives.average(shape, rows_of(x), norm, pooled);
    const at::Tensor y = at::empty({half.rows(), conv.size(0)}, x.options());
    primitives.multiply(pooled, conv.t(), y);
    save_tensors(*context, SavedTransition{x, pooled, norm, conv, norm_weight, conv_weight});
    save_state(*context, c10::make_intrusive<NodeState>(primitives, shape));
    return maps_of(y, half);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = restore_tensors<SavedTransition>(*context);
    const NodeState& state = state_of(*context);
    const at::Tensor dy = rows_of(gradients[0]);
    at::Tensor of_conv;
    if (saved.conv_weight.requires_grad()) {
      of_conv = at::empty(saved.conv.sizes(), saved.norm.options());
      state.primitives.multiply(dy.t(), saved.pooled, of_conv);
      of_conv = of_conv.view(saved.conv_weight.sizes());
    }
    const at::Tensor of_pooled = at::empty_like(saved.pooled);
    state.primitives.multiply(dy, saved.conv, of_pooled);
    const at::Tensor x = rows_of(saved.maps);
    const at::Tensor dx = at::empty_like(x);
    const bool norm_trains = saved.norm_weight.requires_grad();
    const at::Tensor sums = at::empty({2, x.size(1)}, saved.norm.options());
    const at::Tensor of_moments = norm_trains ? at::zeros_like(sums) : at::Tensor();
    state.primitives.average_gradient(state.shape, of_pooled, x, saved.norm, dx, sums, of_moments);
    // For the arguments of `forward`, the last two of which are no tensors.
    return {maps_of(dx, state.shape),
            of_moments,
            norm_trains ? sums[1] : at::Tensor(),
            norm_trains ? sums[0] : at::Tensor(),
            of_conv,
            /*norm=*/{},
            /*primitives=*/{}};
  }
};

}  // namespace

at::Tensor run_training(const Primitives& primitives, const TransitionTensors& transition, const Maps& x) {
  const NormTensors& norm = transition.norm;
  const at::Tensor maps = x.tensor.contiguous(at::MemoryFormat::ChannelsLast);
  // A frozen norm has no use for moments; but autograd takes no undefined tensor.
  at::Tensor moments = norm.running_mean;
  if (trains(norm)) moments = x.moments.defined() ? x.moments : MomentsNode::apply(maps, primitives);
  return TransitionNode::apply(maps, moments, norm.weight, norm.bias, transition.conv, norm, primitives);
}

}  // namespace torch_tl::gpu
