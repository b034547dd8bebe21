#include "data/dataset.h"

namespace torch_tl {

at::Tensor Dataset::images(const at::Tensor& indices) const {
  if (!stored) return pixels.index_select(0, indices);
  return stored->select(places.index_select(0, indices.to(at::kCPU))).to(device);
}

at::Tensor Dataset::images(const BatchRange& range) const {
  if (!stored) return pixels.narrow(0, range.begin, range.size());
  return stored->select(places.narrow(0, range.begin, range.size())).to(device);
}

}  // namespace torch_tl
