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
 * when the process ends, unless it is kept.
 */
class FeatureFile {
 public:
  /** Throws WriteFailed, also if the disk has too little room for all rows. */
  FeatureFile(std::string directory, RowsLayout layout);

  /** Hides the file from other processes. Throws WriteFailed. */
  void make_private();
  /** Appends rows [n, ...], on any device. Throws WriteFailed. */
  void append(const at::Tensor& rows);
  /** All rows, once they have been appended. */
  StoredRows rows() const;
  /** Names the complete file `<key>.features`, replacing an older one. Throws WriteFailed. */
  StoredRows keep(const std::string& key);

 private:
  std::string directory_;
  RowsLayout layout_;
  std::shared_ptr<File> file_;
  std::size_t written_ = 0;  // bytes of rows
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
