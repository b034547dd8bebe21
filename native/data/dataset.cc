#include "data/dataset.h"

namespace torch_tl {

at::Tensor Dataset::pictures(const at::Tensor& indices) const {
  const at::Tensor host = indices.to(pixels.device());
  const at::Tensor rows = places.defined() ? places.index_select(0, host) : host;
  return pixels.index_select(0, rows).to(labels.device());
}

at::Tensor Dataset::pictures(const BatchRange& range) const {
  if (places.defined()) {
    return pixels.index_select(0, places.narrow(0, range.begin, range.size())).to(labels.device());
  }
  return pixels.narrow(0, range.begin, range.size());
}

}  // namespace torch_tl
