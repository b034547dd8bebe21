#include "data/stored_rows.h"

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <system_error>

#include "errors.h"

namespace torch_tl {
namespace {

/** Bytes that are read at once, and worth a thread. */
constexpr std::size_t kRunBytes = std::size_t{1} << 20;

/** Bytes that are copied between two calls of `check_stop`. */
constexpr std::size_t kPieceBytes = std::size_t{1} << 26;

std::int64_t rows_in(std::size_t bytes, const RowsLayout& layout) {
  return static_cast<std::int64_t>(std::max(bytes / layout.row_bytes(), std::size_t{1}));
}

}  // namespace

/** Wanted rows that are consecutive both in the file and in the result. */
struct StoredRows::Run {
  std::int64_t position;  // of the first row in the result
  std::int64_t first;     // row in the file
  std::int64_t count;
};

std::vector<StoredRows::Run> StoredRows::runs_of(const std::vector<WantedRow>& wanted) const {
  const std::int64_t longest = rows_in(kRunBytes, layout_);
  std::vector<Run> runs;
  for (const WantedRow& one : wanted) {
    if (!runs.empty()) {
      Run& last = runs.back();
      const bool follows = last.first + last.count == one.row && last.position + last.count == one.position;
      if (follows && last.count < longest) {
        ++last.count;
        continue;
      }
    }
    runs.push_back({one.position, one.row, 1});
  }
  return runs;
}

at::Tensor StoredRows::select(const at::Tensor& indices) const {
  std::vector<std::int64_t> sizes = layout_.sizes;
  sizes[0] = indices.numel();
  at::Tensor rows = at::empty(sizes, layout_.type);
  const at::Tensor contiguous = indices.contiguous();
  const auto* const chosen = contiguous.const_data_ptr<std::int64_t>();
  std::vector<WantedRow> wanted;
  wanted.reserve(static_cast<std::size_t>(sizes[0]));
  for (std::int64_t i = 0; i < sizes[0]; ++i) wanted.push_back({chosen[i], i});
  read_into(rows, wanted);
  return rows;
}

void StoredRows::read_into(at::Tensor& rows, const std::vector<WantedRow>& wanted) const {
  auto* const to = static_cast<std::uint8_t*>(rows.mutable_data_ptr());
  const std::size_t bytes = layout_.row_bytes();
  const std::vector<Run> runs = runs_of(wanted);
  const auto read = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Run& run = runs[i];
      if (place_.file->read(place_.offset + static_cast<std::size_t>(run.first) * bytes,
                            to + static_cast<std::size_t>(run.position) * bytes,
                            static_cast<std::size_t>(run.count) * bytes)) {
        continue;
      }
      throw FileUnreadable(place_.name + " are no longer whole: another program has cut the file short; " +
                           place_.remedy);
    }
  };
  try {
    if (place_.check) place_.check();
    const std::size_t grain = runs.size() * kRunBytes / std::max(wanted.size() * bytes, kRunBytes);
    at::parallel_for(0, static_cast<std::int64_t>(runs.size()),
                     static_cast<std::int64_t>(std::max(grain, std::size_t{1})), read);
  } catch (const std::system_error& error) {
    throw FileUnreadable("cannot read " + place_.name + ": " + error.code().message());
  }
}

at::Tensor StoredRows::select(const BatchRange& range) const {
  return select(at::arange(range.begin, range.end, at::kLong));
}

at::Tensor copy_in_pieces(const RowsLayout& layout, const at::Device& device,
                          const std::function<at::Tensor(const BatchRange&)>& piece,
                          const std::function<void()>& check_stop) {
  at::Tensor copy = at::empty(layout.sizes, at::TensorOptions(device).dtype(layout.type));
  for (const BatchRange& range : batch_ranges(layout.sizes[0], rows_in(kPieceBytes, layout))) {
    check_stop();
    copy.narrow(0, range.begin, range.size()).copy_(piece(range));
  }
  return copy;
}

}  // namespace torch_tl
