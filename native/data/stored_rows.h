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

/** Shape and type of a set's rows, one per image. */
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

/** Where rows lie in a file, one after another, and the parts of a message if they can no longer be read. */
struct RowsPlace {
  std::shared_ptr<const File> file;
  std::size_t offset = 0;  // of the first row, in bytes
  std::string name;        // such as `the decoded images in FILE`
  std::string remedy;      // such as `read the data set again`
  /** If given, called before each batch is read; throws if the rows have changed. */
  std::function<void()> check{};
};

/** A wanted row of a file, and its position in the result. */
struct WantedRow {
  std::int64_t row;
  std::int64_t position;
};

/**
 * Rows in a file, read batch by batch, so that there may be more rows than memory. Rows in the system's cache
 * cost one copy, as they would if the file were mapped.
 */
class StoredRows {
 public:
  StoredRows(RowsPlace place, RowsLayout layout) : place_(std::move(place)), layout_(std::move(layout)) {}

  const RowsLayout& layout() const { return layout_; }
  /** The rows at `indices` (int64 [n] on the host): [n, ...]. Throws FileUnreadable. */
  at::Tensor select(const at::Tensor& indices) const;
  /** The rows of a range, likewise. */
  at::Tensor select(const BatchRange& range) const;
  /** Reads rows into their positions of `rows`, [n, ...] on the host, likewise. */
  void read_into(at::Tensor& rows, const std::vector<WantedRow>& wanted) const;

 private:
  struct Run;
  std::vector<Run> runs_of(const std::vector<WantedRow>& wanted) const;

  RowsPlace place_;
  RowsLayout layout_;
};

/**
 * Makes a tensor of this layout on a device, from the rows that `piece` returns for each range. `check_stop`
 * is called between pieces, and throws to stop.
 */
at::Tensor copy_in_pieces(const RowsLayout& layout, const at::Device& device,
                          const std::function<at::Tensor(const BatchRange&)>& piece,
                          const std::function<void()>& check_stop);

}  // namespace torch_tl
