#include "training/feature_source.h"

namespace torch_tl {

at::Tensor FeatureSource::inputs(const at::Tensor& indices) const {
  if (features_.defined()) return features_.index_select(0, indices);
  return network_.preprocess(pixels(indices), precision_);
}

at::Tensor FeatureSource::logits(const at::Tensor& inputs, const Pass& pass) const {
  return network_.logits(features_.defined() ? inputs : network_.features(inputs, pass), pass);
}

at::Tensor FeatureSource::pixels(const at::Tensor& indices) const {
  return data_.pixels.index_select(0, indices);
}

at::Tensor FeatureSource::labels(const at::Tensor& indices) const {
  return data_.labels.index_select(0, indices);
}

}  // namespace torch_tl
