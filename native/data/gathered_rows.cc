#include "data/gathered_rows.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>

#include <cstddef>

namespace torch_tl {

GatheredRows::GatheredRows(StoredRows rows) {
  for (std::int64_t row = 0; row < rows.layout().sizes[0]; ++row) places_.push_back({0, row});
  files_.push_back(std::move(rows));
}

at::Tensor GatheredRows::select(const at::Tensor& indices) const {
  RowsLayout layout = files_.front().layout();
  layout.sizes[0] = indices.numel();
  at::Tensor rows = at::empty(layout.sizes, layout.type);
  std::vector<std::vector<WantedRow>> wanted(files_.size());
  const at::Tensor contiguous = indices.contiguous();
  const auto* const images = contiguous.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < layout.sizes[0]; ++i) {
    const RowPlace& place = places_.at(images[i]);
    wanted[place.file].push_back({place.row, i});
  }
  for (std::size_t file = 0; file < files_.size(); ++file) {
    if (!wanted[file].empty()) files_[file].read_into(rows, wanted[file]);
  }
  return rows;
}

at::Tensor GatheredRows::select(const BatchRange& range) const {
  return select(at::arange(range.begin, range.end, at::kLong));
}

}  // namespace torch_tl
