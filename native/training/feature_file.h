#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "data/stored_rows.h"
#include "memory/file.h"

namespace torch_tl {

/** FNV-1a over words of 64 bits: detects damage by accident, not by intent. */
class WordsHash {
 public:
  /** Adds a piece. All pieces but the last must be whole words, as rows of at least 64 channels are. */
  void add(const std::uint8_t* data, std::size_t size);
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

/**
 * A new file of features: a header page, then the rows. It is deleted when nothing reads it any more, and
 * when the process ends, unless it is kept. Members throw WriteFailed.
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
  /** Appends rows [n, ...], on any device. */
  void append(const at::Tensor& rows);
  /** Writes rows [n, ...], on any device, from row `first` on. */
  void write(std::int64_t first, const at::Tensor& rows);
  /** All rows, once they have been written. */
  StoredRows rows() const;
  /** Names a file whose rows were appended `<key>.features`, replacing an older one. */
  StoredRows keep(const std::string& key);
  /** Likewise a file whose rows were written, by several processes. */
  void keep_written(const std::string& key);
  /** All rows, once another process has kept the file. */
  StoredRows kept(const std::string& key) const;

 private:
  std::string directory_;
  RowsLayout layout_;
  std::shared_ptr<File> file_;
  std::int64_t appended_ = 0;  // rows
  WordsHash hash_;
};

/** The result of looking for a kept file: its rows, or none and perhaps a fault. */
struct FoundFeatures {
  std::optional<StoredRows> rows;
  std::string fault;  // what is wrong with the file, as a clause
};

/** Checks all of `<key>.features`; returns rows only if key, layout and hash are right. */
FoundFeatures find_feature_file(const std::string& directory, const std::string& key,
                                const RowsLayout& layout);

}  // namespace torch_tl
