#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "data/batches.h"
#include "data/stored_rows.h"

namespace torch_tl {

/**
 * Labelled images as bytes; what a batch needs is made per batch. They are on the device that uses them,
 * whose the labels are always, or in a file, from which each batch is read.
 */
struct Dataset {
  at::Tensor labels;                 // int64 [count]
  at::Tensor pixels;                 // uint8 [count, height, width, 3], where they are in no file
  std::optional<StoredRows> stored;  // uint8 [images, height, width, 3]
  at::Tensor places;                 // int64 [count] on the host: which of those these are

  std::int64_t count() const { return labels.size(0); }
  /** uint8 [n, height, width, 3] on the device; `indices` are int64 [n], on the device. Throws
   * FileUnreadable. */
  at::Tensor images(const at::Tensor& indices) const;
  /** The same for a range. */
  at::Tensor images(const BatchRange& range) const;
};

}  // namespace torch_tl
