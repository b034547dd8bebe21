#include "training/feature_file.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "errors.h"

namespace torch_tl {
namespace {

constexpr std::size_t kHeaderSize = 4096;  // one page, so that rows are aligned
constexpr int kFormatVersion = 1;
/** Bytes of a file that are read at a time. */
constexpr std::size_t kPiece = std::size_t{1} << 22;

/** The header page, text padded with zeros. Files with the same header hold the same rows. */
std::string header_of(const std::string& key, const RowsLayout& layout, const WordsHash& hash) {
  std::ostringstream text;
  text << "torch-tl features " << kFormatVersion << "\nkey " << key << "\ntype " << c10::toString(layout.type)
       << "\nsizes";
  for (const std::int64_t size : layout.sizes) text << ' ' << size;
  text << "\nhash " << hash.value() << '\n';
  std::string header = text.str();
  header.resize(kHeaderSize);
  return header;
}

std::filesystem::path kept_path(const std::string& directory, const std::string& key) {
  return std::filesystem::path(directory) / (key + ".features");
}

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

/** The header that the file should have for the rows in it; empty if rows are missing. */
std::string header_for(const File& file, const std::string& key, const RowsLayout& layout) {
  WordsHash hash;
  std::vector<std::uint8_t> piece(std::min(kPiece, layout.bytes()));
  for (std::size_t done = 0; done < layout.bytes(); done += piece.size()) {
    piece.resize(std::min(piece.size(), layout.bytes() - done));
    if (!file.read(kHeaderSize + done, piece.data(), piece.size())) return {};
    hash.add(piece.data(), piece.size());
  }
  return header_of(key, layout, hash);
}

/** Whether a file holds all rows of this key and layout, as they were written. */
bool holds(const File& file, const std::string& key, const RowsLayout& layout) {
  std::string header(kHeaderSize, '\0');
  return file.read(0, header.data(), header.size()) && header == header_for(file, key, layout);
}

/** The rows of a file that other processes can open: if it was written to, its hash is checked again. */
StoredRows named_rows(const std::shared_ptr<const File>& file, const std::filesystem::path& path,
                      const std::string& key, const RowsLayout& layout) {
  const std::string name = "the features in " + path.string();
  const std::string remedy = "train again, which makes them again";
  const auto seen = std::make_shared<std::int64_t>(file->modified());
  const auto check = [=] {
    const std::int64_t now = file->modified();
    if (now == *seen) return;
    if (!holds(*file, key, layout)) {
      throw FileUnreadable(name + " have changed: another program has written to the file; " + remedy);
    }
    *seen = now;
  };
  return {{file, kHeaderSize, name, remedy, check}, layout};
}

}  // namespace

void WordsHash::add(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  for (std::size_t i = 0; i < size; i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, data + i, std::min(sizeof word, size - i));
    value_ = (value_ ^ word) * kPrime;
  }
}

FeatureFile::FeatureFile(std::string directory, RowsLayout layout)
    : directory_(std::move(directory)), layout_(std::move(layout)) {
  file_ = writing_in(directory_, layout_,
                     [this] { return std::make_shared<File>(directory_, kHeaderSize + layout_.bytes()); });
}

FeatureFile::FeatureFile(std::string directory, RowsLayout layout, const std::string& made)
    : directory_(std::move(directory)), layout_(std::move(layout)) {
  file_ =
      writing_in(directory_, layout_, [&made] { return std::make_shared<File>(made, File::Access::kWrite); });
}

void FeatureFile::make_private() {
  writing_in(directory_, layout_, [this] { file_->unlink(); });
}

void FeatureFile::append(const at::Tensor& rows) {
  const at::Tensor host = rows.to(at::kCPU).contiguous();
  write(appended_, host);
  appended_ += host.size(0);
  hash_.add(static_cast<const std::uint8_t*>(host.const_data_ptr()), host.nbytes());
}

void FeatureFile::write(std::int64_t first, const at::Tensor& rows) {
  const at::Tensor host = rows.to(at::kCPU).contiguous();
  const std::size_t offset = kHeaderSize + static_cast<std::size_t>(first) * layout_.row_bytes();
  writing_in(directory_, layout_, [&] { file_->write(offset, host.const_data_ptr(), host.nbytes()); });
}

StoredRows FeatureFile::rows() const {
  return {{file_, kHeaderSize, "the features in a file in " + directory_, "train again"}, layout_};
}

StoredRows FeatureFile::keep(const std::string& key) {
  const std::string header = header_of(key, layout_, hash_);
  const std::filesystem::path path = kept_path(directory_, key);
  return writing_in(directory_, layout_, [&] {
    file_->write(0, header.data(), header.size());
    StoredRows rows = named_rows(file_, path, key, layout_);
    if (!holds(*file_, key, layout_)) {
      throw WriteFailed("the features in " + directory_ +
                        " are not what was written: another program has changed the file; train again");
    }
    file_->publish(path);
    return rows;
  });
}

void FeatureFile::keep_written(const std::string& key) {
  writing_in(directory_, layout_, [&] {
    const std::string header = header_for(*file_, key, layout_);
    file_->write(0, header.data(), header.size());
    file_->publish(kept_path(directory_, key));
  });
}

StoredRows FeatureFile::kept(const std::string& key) const {
  return named_rows(file_, kept_path(directory_, key), key, layout_);
}

FoundFeatures find_feature_file(const std::string& directory, const std::string& key,
                                const RowsLayout& layout) {
  const std::filesystem::path path = kept_path(directory, key);
  try {
    const auto file = std::make_shared<const File>(path);
    if (file->size() != kHeaderSize + layout.bytes()) {
      return {{}, path.string() + " does not have the size of these features"};
    }
    StoredRows rows = named_rows(file, path, key, layout);
    if (!holds(*file, key, layout)) return {{}, path.string() + " is damaged or something else"};
    return {std::move(rows), {}};
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::no_such_file_or_directory) return {};
    return {{}, path.string() + " cannot be read: " + error.code().message()};
  }
}

}  // namespace torch_tl
