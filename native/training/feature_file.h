#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "memory/mapped_file.h"
#include "training/rows.h"

namespace torch_tl {

/**
 * A new file of maps: a page that says what they are, then the rows. It goes with its last tensor, and when
 * the process ends, unless it is kept.
 */
class FeatureFile {
 public:
  /** Throws WriteFailed, also where the disk has too little room for all the rows. */
  FeatureFile(std::string directory, RowsLayout layout);

  /** Of undefined values, to be filled. */
  at::Tensor rows() const;
  /** Leaves the file to this process alone, before it is filled. */
  void keep_private();
  /** Names the filled file `<key>.features`, in the place of an older one. Throws WriteFailed. */
  void keep(const std::string& key);

 private:
  std::string directory_;
  RowsLayout layout_;
  std::shared_ptr<MappedFile> file_;
};

/** What became of looking for a file that was kept: the rows, read-only, or undefined and maybe a fault. */
struct KeptFeatures {
  at::Tensor rows;
  std::string fault;  // what is wrong with the file that is there, as a sentence
};

/** Reads all of `<key>.features`; only a whole file of this key, layout and content gives rows. */
KeptFeatures find_feature_file(const std::string& directory, const std::string& key,
                               const RowsLayout& layout);

}  // namespace torch_tl
