#include "training/feature_source.h"

namespace torch_tl {

at::Tensor FeatureSource::features(const at::Tensor& indices, const Pass& pass) const {
  if (features_.defined()) return features_.index_select(0, indices);
  const at::Tensor pixels = data_.pixels.index_select(0, indices);
  return network_.features(network_.preprocess(pixels, precision_), pass);
}

at::Tensor FeatureSource::labels(const at::Tensor& indices) const {
  return data_.labels.index_select(0, indices);
}

}  // namespace torch_tl
