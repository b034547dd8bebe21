#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "executors/saved_tensors.h"
#include "gpu/convolutions.h"
#include "gpu/maps.h"
#include "gpu/node_state.h"
#include "gpu/prepared.h"
#include "gpu/training.h"

namespace torch_tl::gpu {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** The tensors that the stem keeps for its backward pass. */
struct SavedStem {
  at::Tensor images;
  at::Tensor conv;    // in the precision of the pass
  at::Tensor maps;    // conv0's
  at::Tensor norm;    // [kNormRows, channels]
  at::Tensor places;  // of the maxima
  at::Tensor norm_weight;
  at::Tensor conv_weight;

  template <typename Visit>
  void each_tensor(Visit visit) {
    visit(images);
    visit(conv);
    visit(maps);
    visit(norm);
    visit(places);
    visit(norm_weight);
    visit(conv_weight);
  }
};

/** The stem as one node of autograd's graph. */
class StemNode : public torch::autograd::Function<StemNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& norm_weight,
                            const at::Tensor& /*norm_bias*/, const at::Tensor& conv_weight,
                            const NormTensors& norm_tensors, const Primitives& primitives) {
    const at::Tensor conv = pack(primitives, {{conv_weight}}, x.scalar_type()).front();
    const at::Tensor maps = primitives.convolve(x, conv, kConv0);
    const at::Tensor rows = rows_of(maps);
    const MapShape shape = shape_of(maps);
    at::Tensor moments;
    if (trains(norm_tensors)) {
      moments = at::empty({2, rows.size(1)}, rows.options().dtype(at::kFloat));
      primitives.place(rows, /*y=*/{}, moments);
    }
    const at::Tensor norm = in_training(primitives, norm_tensors, moments, shape.rows());
    const MapShape half = halved_up(shape);
    const at::Tensor y = at::empty({half.rows(), rows.size(1)}, rows.options());
    const at::Tensor places = at::empty(y.sizes(), y.options().dtype(at::kByte));
    primitives.maximum(shape, rows, norm, y, places);
    save_tensors(*context, SavedStem{x, conv, maps, norm, places, norm_weight, conv_weight});
    save_state(*context, c10::make_intrusive<NodeState>(primitives, shape));
    return maps_of(y, half);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = restore_tensors<SavedStem>(*context);
    const NodeState& state = state_of(*context);
    const at::Tensor dy = rows_of(gradients[0]);
    const at::Tensor rows = rows_of(saved.maps);
    at::Tensor sums;
    if (saved.norm_weight.requires_grad()) {
      sums = at::empty({2, rows.size(1)}, saved.norm.options());
      state.primitives.sum_maximum_gradient(state.shape, dy, saved.places, rows, saved.norm, sums);
    }
    at::Tensor of_conv;
    if (saved.conv_weight.requires_grad()) {
      const at::Tensor dx = at::empty_like(rows);
      state.primitives.differentiate_maximum(state.shape, dy, saved.places, rows, saved.norm, sums, dx);
      of_conv = state.primitives
                    .differentiate_convolution(maps_of(dx, state.shape), saved.images, saved.conv, kConv0,
                                               /*of_x=*/false, /*of_weight=*/true)
                    .weight;
    }
    // For the arguments of `forward`: x needs none, and the last two are no tensors.
    return {/*x=*/{},
            sums.defined() ? sums[1] : at::Tensor(),
            sums.defined() ? sums[0] : at::Tensor(),
            of_conv,
            /*norm=*/{},
            /*primitives=*/{}};
  }
};

}  // namespace

at::Tensor run_training(const Primitives& primitives, const StemTensors& stem, const at::Tensor& x) {
  const NormTensors& norm = stem.norm;
  return StemNode::apply(x.contiguous(at::MemoryFormat::ChannelsLast), norm.weight, norm.bias, stem.conv,
                         norm, primitives);
}

}  // namespace torch_tl::gpu
