#include "training/extraction.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "data/batches.h"
#include "device/captured_work.h"
#include "device/gpu.h"
#include "training/feature_rows.h"

namespace torch_tl {
namespace {

/** Computes each batch's output from its preprocessed images, and passes it to `keep`. */
template <typename Compute>
void extract(const Network& network, const Dataset& data, const Extraction& extraction, Compute compute,
             const KeepBatch& keep) {
  const at::NoGradGuard no_grad;
  CapturedWork computed(network.device(),
                        [&compute](const auto& inputs) { return CapturedWork::Tensors{compute(inputs[0])}; });
  for (const BatchRange& range : batch_ranges(data.count(), extraction.batch_size)) {
    const at::Tensor pixels = data.images(range);
    const at::Tensor batch =
        computed({network.preprocess(pixels, extraction.computation.precision)}).outputs[0];
    keep(range, batch);
    // A GPU lags behind: wait for it before the last report, so that this and its time are true.
    if (range.end == data.count()) synchronise(network.device());
    extraction.on_progress(range.end);
  }
}

/** Likewise, into one tensor. */
template <typename Compute>
at::Tensor extract_all(const Network& network, const Dataset& data, const Extraction& extraction,
                       Compute compute) {
  at::Tensor all;
  extract(network, data, extraction, compute, [&](const BatchRange& range, const at::Tensor& batch) {
    if (!all.defined()) {
      auto shape = batch.sizes().vec();
      shape[0] = data.count();
      all = at::empty(shape, batch.options());
    }
    all.narrow(0, range.begin, range.size()).copy_(batch);
  });
  return all;
}

}  // namespace

at::Tensor extract_features(Network& network, const Dataset& data, const Extraction& extraction) {
  const ForwardContext evaluation(extraction.computation);
  return extract_all(network, data, extraction,
                     [&](const at::Tensor& images) { return network.features(images, evaluation); });
}

void extract_rows(Network& network, const Dataset& data, std::size_t cut, const Extraction& extraction,
                  const KeepBatch& keep) {
  const auto rows = [&](const at::Tensor& images) {
    return to_rows(network.prefix(images, cut, extraction.computation), network.cut_format(cut));
  };
  extract(network, data, extraction, rows, keep);
}

at::Tensor extract_logits(Network& network, const Dataset& data, const Extraction& extraction) {
  const ForwardContext evaluation(extraction.computation);
  return extract_all(network, data, extraction, [&](const at::Tensor& images) {
    return network.logits(network.features(images, evaluation), evaluation);
  });
}

}  // namespace torch_tl
