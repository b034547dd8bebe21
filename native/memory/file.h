#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <utility>

namespace torch_tl {

/** Owns a file descriptor; -1 is none. */
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
 * A file that several threads may read and write at any offset. It is not mapped: if another program
 * truncated a mapped file, or its disk failed, reading the memory would kill the process. Every member throws
 * std::system_error.
 */
class File {
 public:
  enum class Access { kRead, kWrite };

  /** Opens an existing file. */
  explicit File(const std::filesystem::path& path, Access access = Access::kRead);
  /**
   * Creates a file of `size` zeros in `directory`, and reserves its room on the disk, so that writing does
   * not fail for lack of it. Its name is temporary: unless `publish` renames it, it is deleted with this
   * object, and if the process is killed, by the next call of this constructor for the directory.
   */
  File(const std::filesystem::path& directory, std::size_t size);
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  File(File&&) = delete;
  File& operator=(File&&) = delete;
  ~File();

  /** Size in bytes when it was opened or made. */
  std::size_t size() const { return size_; }
  /** Time of the last change, in nanoseconds of the system's clock. */
  std::int64_t modified() const;

  /** Reads `bytes` bytes into `to`; returns false if the file ends before. */
  [[nodiscard]] bool read(std::size_t offset, void* to, std::size_t bytes) const;
  void write(std::size_t offset, const void* from, std::size_t bytes);

  /** The temporary name of a new file; empty for any other. */
  const std::filesystem::path& temporary() const { return temporary_; }
  /** Unlinks a new file, so that it disappears with the process, however that ends. */
  void unlink();
  /**
   * Renames a new file to `path`, replacing any file there, and holds it. It is not flushed to the disk:
   * after a power cut its content may be anything.
   */
  void publish(const std::filesystem::path& path);
  /** Shows other processes, until this object is deleted, that the file is in use (`remove_unless_held`). */
  void hold() const;
  /** Sets the time of the last change to now, if the system allows it. */
  void touch() const;

 private:
  FileDescriptor file_;
  std::filesystem::path temporary_;  // empty without a temporary name
  std::size_t size_ = 0;
};

/**
 * Deletes a file unless a process holds it or it is being written. Returns whether it is gone. Does not
 * throw.
 */
bool remove_unless_held(const std::filesystem::path& path);

/** Bytes that this process may still write on the disk of a directory. Throws std::system_error. */
std::size_t free_bytes(const std::filesystem::path& directory);

/** Makes a directory, and throws std::system_error if this process cannot write in it. */
void require_writable(const std::filesystem::path& directory);

/**
 * A number that two processes have alike if they see the same directory on the same machine. Makes the
 * directory. Throws std::system_error.
 */
std::int64_t place_of(const std::filesystem::path& directory);

}  // namespace torch_tl
