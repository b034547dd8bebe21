#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "data/gathered_rows.h"
#include "data/stored_rows.h"
#include "training/feature_keys.h"
#include "training/options.h"

namespace torch_tl {

/** Rows that were found in kept files. */
struct FoundFeatures {
  static constexpr std::int64_t kNowhere = -1;

  std::vector<StoredRows> files;
  std::vector<RowPlace> places;  // one per wanted image; of file `kNowhere` where no file has it
  std::string fault;             // what is wrong with a file, as a clause; empty if nothing is
};

/**
 * Looks for the rows of images in all files of an origin. Every row that it finds has been read and compared
 * with its hash. A file with a wrong row is not used, and deleted. Files that are used become the ones used
 * last, and are held. `row` is the layout of the rows, of any count.
 */
FoundFeatures find_features(const std::string& directory, const std::string& origin, const RowsLayout& row,
                            const std::vector<ImageKey>& wanted);

/**
 * Makes room for `bytes` more bytes of kept features, by deleting the files that were used least recently and
 * that no process holds. Returns why they cannot be kept, as a clause, or an empty text. A directory of the
 * user's has no limit, and is never changed here.
 */
std::string why_not_kept(const KeptFeatures& kept, std::size_t bytes);

}  // namespace torch_tl
