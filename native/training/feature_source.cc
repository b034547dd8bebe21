#include "training/feature_source.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "data/batches.h"

namespace torch_tl {

at::Tensor extract_features(Network& network, const Dataset& data, at::ScalarType precision,
                            std::int64_t batch_size, const std::function<void(std::int64_t)>& on_progress) {
  const at::NoGradGuard no_grad;
  const Pass evaluation;
  at::Tensor all;
  for (const BatchRange& range : batch_ranges(data.count(), batch_size)) {
    const at::Tensor pixels = data.pixels.narrow(0, range.begin, range.size());
    const at::Tensor features = network.features(network.preprocess(pixels, precision), evaluation);
    if (!all.defined()) {
      auto shape = features.sizes().vec();
      shape[0] = data.count();
      all = at::empty(shape, features.options());
    }
    all.narrow(0, range.begin, range.size()).copy_(features);
    on_progress(range.end);
  }
  return all;
}

at::Tensor FeatureSource::features(const at::Tensor& indices, const Pass& pass) const {
  if (features_.defined()) return features_.index_select(0, indices);
  const at::Tensor pixels = data_.pixels.index_select(0, indices);
  return network_.features(network_.preprocess(pixels, precision_), pass);
}

at::Tensor FeatureSource::labels(const at::Tensor& indices) const { return data_.labels.index_select(0, indices); }

}  // namespace torch_tl
