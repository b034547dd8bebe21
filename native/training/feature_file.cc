#include "training/feature_file.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <utility>

#include "errors.h"

namespace torch_tl {
namespace {

constexpr std::size_t kHeaderSize = 4096;  // a page, so that rows are aligned
constexpr int kFormatVersion = 1;

at::Tensor rows_of(const std::shared_ptr<MappedFile>& file, const RowsLayout& layout) {
  return at::from_blob(
      file->data() + kHeaderSize, layout.sizes, [file](void*) {}, at::TensorOptions(layout.type));
}

/** FNV-1a over words of 64 bits: it finds what disks do, not what people do. */
std::uint64_t hash_of(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kBasis = 0xcbf29ce484222325;
  constexpr std::uint64_t kPrime = 0x100000001b3;
  std::uint64_t hash = kBasis;
  for (std::size_t i = 0; i < size; i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, data + i, std::min(sizeof word, size - i));
    hash = (hash ^ word) * kPrime;
  }
  return hash;
}

/** Text, filled up with zeros: two files with the same first page hold the same. */
std::string header_of(const MappedFile& file, const std::string& key, const RowsLayout& layout) {
  std::ostringstream text;
  text << "torch-tl features " << kFormatVersion << "\nkey " << key << "\ntype " << c10::toString(layout.type)
       << "\nsizes";
  for (const std::int64_t size : layout.sizes) text << ' ' << size;
  text << "\nhash " << hash_of(file.data() + kHeaderSize, layout.bytes()) << '\n';
  std::string header = text.str();
  header.resize(kHeaderSize);
  return header;
}

std::filesystem::path kept_path(const std::string& directory, const std::string& key) {
  return std::filesystem::path(directory) / (key + ".features");
}

/** Does what writes into `directory`; throws WriteFailed for what the system refuses. */
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

}  // namespace

FeatureFile::FeatureFile(std::string directory, RowsLayout layout)
    : directory_(std::move(directory)), layout_(std::move(layout)) {
  file_ = writing_in(directory_, layout_, [this] {
    return std::make_shared<MappedFile>(directory_, kHeaderSize + layout_.bytes());
  });
}

at::Tensor FeatureFile::rows() const { return rows_of(file_, layout_); }

void FeatureFile::keep_private() {
  writing_in(directory_, layout_, [this] { file_->unlink(); });
}

void FeatureFile::keep(const std::string& key) {
  const std::string header = header_of(*file_, key, layout_);
  std::memcpy(file_->data(), header.data(), kHeaderSize);
  writing_in(directory_, layout_, [&] { file_->publish(kept_path(directory_, key)); });
}

KeptFeatures find_feature_file(const std::string& directory, const std::string& key,
                               const RowsLayout& layout) {
  const std::filesystem::path path = kept_path(directory, key);
  try {
    const auto file = std::make_shared<MappedFile>(path);
    if (file->size() != kHeaderSize + layout.bytes()) {
      return {{}, path.string() + " has not the size that these features have"};
    }
    const std::string header = header_of(*file, key, layout);
    if (std::memcmp(file->data(), header.data(), kHeaderSize) != 0) {
      return {{}, path.string() + " is damaged or something else"};
    }
    return {rows_of(file, layout), {}};
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::no_such_file_or_directory) return {};
    return {{}, path.string() + " cannot be read: " + error.code().message()};
  }
}

}  // namespace torch_tl
