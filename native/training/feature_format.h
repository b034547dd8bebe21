#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/stored_rows.h"
#include "memory/file.h"
#include "training/feature_keys.h"

namespace torch_tl {

/*
 * The format of a file of kept features: a page of text, the key and hash of each row, the rows.
 */

/** What the rows of a file are the features of. */
struct FeatureContent {
  std::string origin;
  std::string about;             // one line
  std::vector<ImageKey> images;  // one per row, all different
};

/** FNV-1a over words of 64 bits, from `seed` on: detects damage by accident, not by intent. */
std::uint64_t words_hash(const void* data, std::size_t size, std::uint64_t seed = 0xcbf29ce484222325);

/** Beginning of the names of all files of an origin. */
std::string name_prefix(const std::string& origin);
/** Name of the file of this content, `<origin>-<hash of the images' keys>.features`. */
std::string file_name(const FeatureContent& content);

/** Bytes of a file before its first row. */
std::size_t rows_offset(std::int64_t count);
/** Bytes of a whole file. */
std::size_t file_size(const RowsLayout& layout);

/** These bytes for rows of this content, layout and hashes. */
std::vector<std::uint8_t> front_of(const FeatureContent& content, const RowsLayout& layout,
                                   const std::vector<std::uint64_t>& hashes);

/** What stands before the rows of a file. */
struct FeatureFront {
  RowsLayout layout;
  std::vector<ImageKey> images;       // one per row
  std::vector<std::uint64_t> hashes;  // of the rows
};

/**
 * Reads and checks what stands before the rows. `row` is the layout that rows of this origin have, of any
 * count. Returns none if the file is damaged, or is something else, and then says how in `fault`, as a
 * clause. Throws std::system_error.
 */
std::optional<FeatureFront> read_front(const File& file, const std::string& origin, const RowsLayout& row,
                                       std::string& fault);

/** Reads rows of a file and compares them with `hashes`, which has one for each row of the file. */
bool rows_match(const File& file, const RowsLayout& layout, const std::vector<std::int64_t>& rows,
                const std::vector<std::uint64_t>& hashes);

}  // namespace torch_tl
