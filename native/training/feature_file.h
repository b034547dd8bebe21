#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/stored_rows.h"
#include "memory/file.h"
#include "training/feature_format.h"

namespace torch_tl {

/**
 * A new file of features (training/feature_format.h). It is deleted when nothing reads it any more, and when
 * the process ends, unless it is kept. Members throw WriteFailed.
 */
class FeatureFile {
 public:
  /** Makes a file, if the disk has room for all rows. */
  FeatureFile(std::string directory, RowsLayout layout);
  /** Opens a file that another process has made there: both write rows, that process alone keeps or hides it.
   */
  FeatureFile(std::string directory, RowsLayout layout, const std::string& made);

  /** The name under which another process can open it. */
  std::string name() const { return file_->temporary().string(); }
  /** Hides the file from other processes; those that have opened it keep it. */
  void make_private();
  /** Writes rows [n, ...], on any device, from row `first` on. */
  void write(std::int64_t first, const at::Tensor& rows);
  /** All rows, once they have been written. */
  StoredRows rows() const;
  /**
   * Names the file after its content, replacing an older one of that content, once this process and others
   * have written all rows.
   */
  StoredRows keep(const FeatureContent& content);
  /** All rows, once another process has kept the file. */
  StoredRows kept(const FeatureContent& content) const;

 private:
  std::vector<std::uint64_t> hashes() const;
  StoredRows kept_rows(const FeatureContent& content, std::vector<std::uint64_t> hashes) const;

  std::string directory_;
  RowsLayout layout_;
  std::shared_ptr<File> file_;
  std::vector<std::optional<std::uint64_t>> written_;  // hashes of the rows that this process has written
};

/**
 * Rows of a file that other processes can open. If it was written to since, those in `used` are compared with
 * their hashes again before they are read.
 */
StoredRows checked_rows(const std::shared_ptr<const File>& file, const std::string& path,
                        const RowsLayout& layout, std::vector<std::int64_t> used,
                        std::vector<std::uint64_t> hashes);

}  // namespace torch_tl
