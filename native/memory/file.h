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

/**
 * A file that is read and written at any place, by several threads at a time. It is not mapped: where another
 * program cuts a mapped file short, or its disk fails, touching the memory kills the process. Every member
 * throws std::system_error.
 */
class File {
 public:
  /** An existing file, to be read only. */
  explicit File(const std::filesystem::path& path);
  /**
   * A new one of `size` zeros in `directory`. The disk has room for all of it from then on, so that writing
   * does not fail for want of that. Its name is a temporary one: unless `publish` gives it another, it goes
   * with this object, and that of a process that was killed with the next call.
   */
  File(const std::filesystem::path& directory, std::size_t size);
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  File(File&&) = delete;
  File& operator=(File&&) = delete;
  ~File();

  /** As it was opened or made. */
  std::size_t size() const { return size_; }
  /** When it was last written, in nanoseconds of the system's clock. */
  std::int64_t modified() const;

  /** Fills `to`; false where the file ends before that. */
  [[nodiscard]] bool read(std::size_t offset, void* to, std::size_t bytes) const;
  void write(std::size_t offset, const void* from, std::size_t bytes);

  /** Drops the name of a new file: its bytes are then gone with the process, however that ends. */
  void unlink();
  /** Brings a new file's bytes to the disk and then gives it its name, in the place of what had it. */
  void publish(const std::filesystem::path& path);

 private:
  FileDescriptor file_;
  std::filesystem::path temporary_;  // empty where there is none
  std::size_t size_ = 0;
};

}  // namespace torch_tl
