#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <utility>

namespace torch_tl {

/** An open file of the system's; -1 is none. */
class FileDescriptor {
 public:
  explicit FileDescriptor(int number = -1) : number_(number) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~FileDescriptor();

  int number() const { return number_; }

 private:
  int number_;
};

/** A file whose bytes are read and written as memory. Every member throws std::system_error. */
class MappedFile {
 public:
  /** An existing file, to be read only; writing into it is a fault. */
  explicit MappedFile(const std::filesystem::path& path);
  /**
   * A new one of `size` zeros in `directory`. The disk has room for all of it from then on, so that writing
   * cannot fail. Its name is a temporary one: unless `publish` gives it another, it goes with this object,
   * and that of a process that was killed with the next call.
   */
  MappedFile(const std::filesystem::path& directory, std::size_t size);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  MappedFile(MappedFile&&) = delete;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }

  /** Drops the name of a new file: its bytes are then gone with the process, however that ends. */
  void unlink();
  /** Brings a new file's bytes to the disk and then gives it its name, in the place of what had it. */
  void publish(const std::filesystem::path& path);

 private:
  FileDescriptor file_;
  std::filesystem::path temporary_;  // empty where there is none
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;

  void map(int protection);
};

}  // namespace torch_tl
