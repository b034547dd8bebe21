#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "data/batches.h"
#include "data/stored_rows.h"

namespace torch_tl {

/** The place of one row: in which of several files, and which row there. */
struct RowPlace {
  std::int64_t file;
  std::int64_t row;
};

/** The rows of a set, one per image, which lie in any order in one or several files. */
class GatheredRows {
 public:
  /** All rows of a file, in its order. */
  explicit GatheredRows(StoredRows rows);
  /** `places[i]` is that of image i. All files have rows of one layout. */
  GatheredRows(std::vector<StoredRows> files, std::vector<RowPlace> places)
      : files_(std::move(files)), places_(std::move(places)) {}

  /** The rows of the images at `indices` (int64 [n] on the host): [n, ...]. Throws FileUnreadable. */
  at::Tensor select(const at::Tensor& indices) const;
  /** The rows of a range of images, likewise. */
  at::Tensor select(const BatchRange& range) const;

 private:
  std::vector<StoredRows> files_;
  std::vector<RowPlace> places_;
};

}  // namespace torch_tl
