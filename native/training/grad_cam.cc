#include "training/grad_cam.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <optional>

#include "data/batches.h"

namespace torch_tl {
namespace {

/** The gradient of each image's logit for its class (int64 [n]) with respect to its maps [n, c, h, w]. */
at::Tensor gradient(const at::Tensor& logits, const at::Tensor& classes, const at::Tensor& maps) {
  // An image's logits do not depend on the maps of others: one backward pass gives the gradients of all.
  const at::Tensor sum = logits.gather(1, classes.unsqueeze(1)).sum();
  sum.backward(/*gradient=*/{}, /*retain_graph=*/std::nullopt, /*create_graph=*/false, at::TensorList(maps));
  return maps.grad();
}

at::Tensor last_maps(Network& network, const at::Tensor& pixels, const ForwardContext& context) {
  const at::NoGradGuard no_grad;
  return network.features(network.preprocess(pixels, context.precision), context);
}

}  // namespace

GradCam grad_cam(Network& network, const Dataset& data, const at::Tensor& classes,
                 const Extraction& extraction) {
  const ForwardContext evaluation(extraction.computation);
  GradCam result;
  for (const BatchRange& range : batch_ranges(data.count(), extraction.batch_size)) {
    const at::Tensor maps = last_maps(network, data.images(range), evaluation);
    maps.set_requires_grad(true);
    const at::Tensor logits = network.logits(maps, evaluation);
    const at::Tensor explained = classes.defined()
                                     ? classes.narrow(0, range.begin, range.size()).to(logits.device())
                                     : logits.argmax(1);
    const at::Tensor weights =
        gradient(logits, explained, maps).to(at::kFloat).mean({2, 3}, /*keepdim=*/true);
    const at::Tensor heat = weights.mul(maps.detach()).sum(1).relu();
    if (!result.maps.defined()) {
      result.maps = at::empty({data.count(), heat.size(1), heat.size(2)}, at::kFloat);
      result.logits = at::empty({data.count(), network.classes()}, at::kFloat);
    }
    result.maps.narrow(0, range.begin, range.size()).copy_(heat);
    result.logits.narrow(0, range.begin, range.size()).copy_(logits.detach());
    extraction.on_progress(range.end);
  }
  return result;
}

}  // namespace torch_tl
