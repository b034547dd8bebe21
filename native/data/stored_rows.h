#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/batches.h"
#include "memory/file.h"

namespace torch_tl {

/** Shape and type of the rows of a set, one per image, before there are any. */
struct RowsLayout {
  std::vector<std::int64_t> sizes;  // [count, ...]
  at::ScalarType type = at::kFloat;

  std::size_t row_bytes() const {
    std::size_t bytes = c10::elementSize(type);
    for (std::size_t i = 1; i < sizes.size(); ++i) bytes *= static_cast<std::size_t>(sizes[i]);
    return bytes;
  }
  std::size_t bytes() const { return row_bytes() * static_cast<std::size_t>(sizes[0]); }
};

/** Where rows lie in a file, one after another, and what to say where they do not any more. */
struct RowsPlace {
  std::shared_ptr<const File> file;
  std::size_t offset = 0;  // of the first row, in bytes
  std::string name;        // such as `the decoded images in FILE`
  std::string remedy;      // such as `read the data set again`
  /** Called before each batch is read, where it is given: throws where the rows are others by now. */
  std::function<void()> check{};
};

/**
 * Rows in a file, of which each batch is read when it is wanted: there may be more of them than memory holds.
 * What the system has in its own cache costs one copy, as it would where the file were mapped.
 */
class StoredRows {
 public:
  StoredRows(RowsPlace place, RowsLayout layout) : place_(std::move(place)), layout_(std::move(layout)) {}

  const RowsLayout& layout() const { return layout_; }
  /** The rows at `indices`, int64 [n] on the host: [n, ...]. Throws FileUnreadable where the file has lost
   * them. */
  at::Tensor select(const at::Tensor& indices) const;
  /** The same of a range. */
  at::Tensor select(const BatchRange& range) const;

 private:
  struct Run;
  std::vector<Run> runs_of(const at::Tensor& indices) const;

  RowsPlace place_;
  RowsLayout layout_;
};

/**
 * A tensor of that layout on a device, made of what `piece` gives of each range of rows. `check_stop`, called
 * between the pieces, throws to stop.
 */
at::Tensor copy_in_pieces(const RowsLayout& layout, const at::Device& device,
                          const std::function<at::Tensor(const BatchRange&)>& piece,
                          const std::function<void()>& check_stop);

}  // namespace torch_tl
