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

/** FNV-1a over words of 64 bits: it finds what disks do, not what people do. */
class WordsHash {
 public:
  /** All but the last piece are of whole words, as rows of at least 64 channels are. */
  void add(const std::uint8_t* data, std::size_t size);
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

/**
 * A new file of maps: a page that says what they are, then the rows. It goes with the last that reads it, and
 * when the process ends, unless it is kept.
 */
class FeatureFile {
 public:
  /** Throws WriteFailed, also where the disk has too little room for all the rows. */
  FeatureFile(std::string directory, RowsLayout layout);

  /** Leaves the file to this process alone. Throws WriteFailed. */
  void make_private();
  /** The next rows: [n, ...], on whatever device. Throws WriteFailed. */
  void append(const at::Tensor& rows);
  /** All of them, once they are there. */
  StoredRows rows() const;
  /** Names the filled file `<key>.features`, in the place of an older one. Throws WriteFailed. */
  StoredRows keep(const std::string& key);

 private:
  std::string directory_;
  RowsLayout layout_;
  std::shared_ptr<File> file_;
  std::size_t written_ = 0;  // bytes of rows
  WordsHash hash_;
};

/** What became of looking for a file that was kept: the rows, or nothing and maybe a fault. */
struct KeptFeatures {
  std::optional<StoredRows> rows;
  std::string fault;  // what is wrong with the file that is there, as a sentence
};

/** Reads all of `<key>.features`; only a whole file of this key, layout and content gives rows. */
KeptFeatures find_feature_file(const std::string& directory, const std::string& key,
                               const RowsLayout& layout);

}  // namespace torch_tl
