#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "training/feature_file.h"
#include "training/ranks.h"

namespace torch_tl {

/**
 * The features of a set that several ranks compute together: each writes its rows, in one file for all ranks
 * that see the same directory. Ranks of other machines, or with directories of their own, send each other
 * what their files lack. Every member is a collective; they throw WriteFailed and PeerLost.
 */
class SharedFeatures {
 public:
  SharedFeatures(Ranks& ranks, const std::string& directory, const RowsLayout& layout);

  /** Writes rows [n, ...] of this rank, on any device, from row `first` on. No collective. */
  void write(std::int64_t first, const at::Tensor& rows) { file_->write(first, rows); }
  /** Completes every file, once all ranks have written theirs: rank `r` the rows `written[r]`. */
  void exchange(const std::vector<BatchRange>& written);
  StoredRows rows();
  /** Likewise, and keeps the files. */
  StoredRows keep(const FeatureContent& content);

 private:
  bool leads() const { return ranks_.share().rank == leader_; }

  Ranks& ranks_;
  RowsLayout layout_;
  std::vector<std::int64_t> leaders_;  // by rank, the first rank with the same file
  std::int64_t leader_;                // of this rank
  std::optional<FeatureFile> file_;
};

}  // namespace torch_tl
