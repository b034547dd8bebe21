#include "training/feature_file.h"

#include <filesystem>
#include <numeric>
#include <system_error>
#include <utility>

#include "errors.h"

namespace torch_tl {
namespace {

/** Runs `write`, which writes into `directory`; turns the system's errors into WriteFailed. */
template <typename Write>
auto writing_in(const std::string& directory, const RowsLayout& layout, Write write) {
  try {
    return write();
  } catch (const std::system_error& error) {
    throw WriteFailed("cannot write " + std::to_string(layout.bytes()) + " bytes of features in " +
                      directory + ": " + error.code().message() +
                      "; free some space, choose another directory, or do without the feature cache");
  }
}

std::vector<std::int64_t> all_rows(const RowsLayout& layout) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(layout.sizes[0]));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

}  // namespace

StoredRows checked_rows(const std::shared_ptr<const File>& file, const std::string& path,
                        const RowsLayout& layout, std::vector<std::int64_t> used,
                        std::vector<std::uint64_t> hashes) {
  const std::string name = "the features in " + path;
  const std::string remedy = "train again, which makes them again";
  const auto seen = std::make_shared<std::int64_t>(file->modified());
  const auto check = [=, used = std::move(used), hashes = std::move(hashes)] {
    const std::int64_t now = file->modified();
    if (now == *seen) return;
    if (!rows_match(*file, layout, used, hashes)) {
      throw FileUnreadable(name + " have changed: another program has written to the file; " + remedy);
    }
    *seen = now;
  };
  return {{file, rows_offset(layout.sizes[0]), name, remedy, check}, layout};
}

FeatureFile::FeatureFile(std::string directory, RowsLayout layout)
    : directory_(std::move(directory)),
      layout_(std::move(layout)),
      written_(static_cast<std::size_t>(layout_.sizes[0])) {
  file_ = writing_in(directory_, layout_,
                     [this] { return std::make_shared<File>(directory_, file_size(layout_)); });
}

FeatureFile::FeatureFile(std::string directory, RowsLayout layout, const std::string& made)
    : directory_(std::move(directory)),
      layout_(std::move(layout)),
      written_(static_cast<std::size_t>(layout_.sizes[0])) {
  file_ =
      writing_in(directory_, layout_, [&made] { return std::make_shared<File>(made, File::Access::kWrite); });
}

void FeatureFile::make_private() {
  writing_in(directory_, layout_, [this] { file_->unlink(); });
}

void FeatureFile::write(std::int64_t first, const at::Tensor& rows) {
  const at::Tensor host = rows.to(at::kCPU).contiguous();
  const std::size_t bytes = layout_.row_bytes();
  const auto begin = static_cast<std::size_t>(first);
  const auto* const data = static_cast<const std::uint8_t*>(host.const_data_ptr());
  for (std::size_t i = 0; i < static_cast<std::size_t>(host.size(0)); ++i) {
    written_.at(begin + i) = words_hash(data + i * bytes, bytes);
  }
  const std::size_t offset = rows_offset(layout_.sizes[0]) + begin * bytes;
  writing_in(directory_, layout_, [&] { file_->write(offset, data, host.nbytes()); });
}

StoredRows FeatureFile::rows() const {
  const std::size_t offset = rows_offset(layout_.sizes[0]);
  return {{file_, offset, "the features in a file in " + directory_, "train again"}, layout_};
}

/** The hashes of all rows in the file, of which this process knows what it has written. */
std::vector<std::uint64_t> FeatureFile::hashes() const {
  const std::size_t bytes = layout_.row_bytes();
  const std::size_t offset = rows_offset(layout_.sizes[0]);
  std::vector<std::uint8_t> row(bytes);
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < written_.size(); ++i) {
    const bool is_whole = file_->read(offset + i * bytes, row.data(), bytes);
    hashes.push_back(words_hash(row.data(), bytes));
    if (is_whole && hashes.back() == written_[i].value_or(hashes.back())) continue;
    throw WriteFailed("the features in " + directory_ +
                      " are not what was written: another program has changed the file; train again");
  }
  return hashes;
}

StoredRows FeatureFile::kept_rows(const FeatureContent& content, std::vector<std::uint64_t> hashes) const {
  const std::filesystem::path path = std::filesystem::path(directory_) / file_name(content);
  return checked_rows(file_, path.string(), layout_, all_rows(layout_), std::move(hashes));
}

StoredRows FeatureFile::keep(const FeatureContent& content) {
  return writing_in(directory_, layout_, [&] {
    std::vector<std::uint64_t> found = hashes();
    const std::vector<std::uint8_t> front = front_of(content, layout_, found);
    file_->write(0, front.data(), front.size());
    file_->publish(std::filesystem::path(directory_) / file_name(content));
    return kept_rows(content, std::move(found));
  });
}

StoredRows FeatureFile::kept(const FeatureContent& content) const {
  file_->hold();
  return kept_rows(content, hashes());
}

}  // namespace torch_tl
