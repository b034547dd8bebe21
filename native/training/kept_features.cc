#include "training/kept_features.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "memory/file.h"
#include "training/feature_file.h"
#include "training/feature_format.h"

namespace torch_tl {
namespace {

namespace fs = std::filesystem;

struct KeptFile {
  fs::path path;
  fs::file_time_type used;  // last
  std::size_t bytes;
};

/** The files of kept features whose names begin so, those used last first. */
std::vector<KeptFile> kept_files(const std::string& directory, const std::string& prefix) {
  std::vector<KeptFile> files;
  std::error_code gone;  // or never there, or not readable
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, gone)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(".features")) continue;
    const bool is_file = entry.is_regular_file(gone);
    const fs::file_time_type used = entry.last_write_time(gone);
    const std::uintmax_t bytes = is_file ? entry.file_size(gone) : 0;
    // Another process may have deleted it just now.
    if (is_file && !gone) files.push_back({entry.path(), used, static_cast<std::size_t>(bytes)});
  }
  std::ranges::sort(files, [](const KeptFile& a, const KeptFile& b) {
    return a.used != b.used ? a.used > b.used : a.path < b.path;
  });
  return files;
}

/** Finds rows in one file after another. */
class Finder {
 public:
  Finder(const std::string& origin, const RowsLayout& row, const std::vector<ImageKey>& wanted)
      : origin_(origin), row_(row), missing_(wanted.size()) {
    found_.places.assign(wanted.size(), {FoundFeatures::kNowhere, 0});
    for (std::size_t i = 0; i < wanted.size(); ++i) position_.emplace(wanted[i], i);
  }

  bool has_all() const { return missing_ == 0; }
  FoundFeatures found() && { return std::move(found_); }

  void look_into(const fs::path& path) {
    std::string fault;
    try {
      const auto file = std::make_shared<const File>(path);
      const std::optional<FeatureFront> front = read_front(*file, origin_, row_, fault);
      if (front) fault = take_rows(file, path, *front);
      if (!fault.empty()) remove_unless_held(path);
    } catch (const std::system_error& error) {
      if (error.code() == std::errc::no_such_file_or_directory) return;
      fault = "cannot be read: " + error.code().message();
    }
    if (!fault.empty()) found_.fault = path.string() + ' ' + fault;
  }

 private:
  /** Takes the rows that are still missing; returns what is wrong with the file, or an empty text. */
  std::string take_rows(const std::shared_ptr<const File>& file, const fs::path& path,
                        const FeatureFront& front) {
    std::vector<std::int64_t> rows;
    std::vector<std::size_t> positions;
    for (std::size_t row = 0; row < front.images.size(); ++row) {
      const auto wanted = position_.find(front.images[row]);
      if (wanted == position_.end()) continue;
      if (found_.places[wanted->second].file != FoundFeatures::kNowhere) continue;
      rows.push_back(static_cast<std::int64_t>(row));
      positions.push_back(wanted->second);
    }
    if (rows.empty()) return {};
    if (!rows_match(*file, front.layout, rows, front.hashes)) return "is damaged or something else";
    file->touch();
    file->hold();
    const auto number = static_cast<std::int64_t>(found_.files.size());
    for (std::size_t i = 0; i < rows.size(); ++i) found_.places[positions[i]] = {number, rows[i]};
    missing_ -= rows.size();
    found_.files.push_back(checked_rows(file, path.string(), front.layout, std::move(rows), front.hashes));
    return {};
  }

  const std::string& origin_;
  const RowsLayout& row_;
  std::unordered_map<ImageKey, std::size_t, ImageKeyHash> position_;  // among the wanted images
  std::size_t missing_;
  FoundFeatures found_;
};

}  // namespace

FoundFeatures find_features(const std::string& directory, const std::string& origin, const RowsLayout& row,
                            const std::vector<ImageKey>& wanted) {
  Finder finder(origin, row, wanted);
  for (const KeptFile& file : kept_files(directory, name_prefix(origin))) {
    if (finder.has_all()) break;
    finder.look_into(file.path);
  }
  return std::move(finder).found();
}

std::string why_not_kept(const KeptFeatures& kept, std::size_t bytes) {
  if (!kept.limit) return {};
  const auto limit = static_cast<std::size_t>(*kept.limit);
  if (bytes > limit) return "they are larger than the limit of " + std::to_string(limit) + " bytes";
  try {
    require_writable(kept.directory);
    std::vector<KeptFile> files = kept_files(kept.directory, "");
    std::size_t total = bytes;
    for (const KeptFile& file : files) total += file.bytes;
    for (; total > limit && !files.empty(); files.pop_back()) {
      if (remove_unless_held(files.back().path)) total -= files.back().bytes;
    }
    if (total > limit) return "files in use in " + kept.directory + " leave no room below the limit";
    const std::size_t room = free_bytes(kept.directory);
    if (bytes > room) return "the disk of " + kept.directory + " has " + std::to_string(room) + " bytes free";
  } catch (const std::system_error& error) {
    return kept.directory + " cannot be written: " + error.code().message();
  }
  return {};
}

}  // namespace torch_tl
