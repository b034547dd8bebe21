#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "data/batches.h"
#include "data/stored_rows.h"

namespace torch_tl {

/**
 * Images as bytes, and their labels if they have any. The images are on the device that uses them, or in a
 * file from which each batch is read. Everything else is made from them per batch.
 */
struct Dataset {
  at::Device device = at::kCPU;
  at::Tensor pixels;                 // uint8 [count, height, width, 3] on the device; undefined with a file
  std::optional<StoredRows> stored;  // the rows of the file, uint8 [images, height, width, 3]
  at::Tensor places;                 // int64 [count] on the host: which of the file's images these are
  at::Tensor labels;                 // int64 [count] on the device; undefined without labels

  std::int64_t count() const { return stored ? places.size(0) : pixels.size(0); }
  /**
   * The images at `indices` (int64 [n], on the device): uint8 [n, height, width, 3]. Throws FileUnreadable.
   */
  at::Tensor images(const at::Tensor& indices) const;
  /** The images of a range, likewise. */
  at::Tensor images(const BatchRange& range) const;
};

}  // namespace torch_tl
