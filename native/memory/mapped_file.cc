#include "memory/mapped_file.h"

#include <system_error>

#ifndef _WIN32
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <string>
#endif

namespace torch_tl {

namespace fs = std::filesystem;

#ifdef _WIN32

namespace {

[[noreturn]] void refuse() {
  throw std::system_error(std::make_error_code(std::errc::function_not_supported));
}

}  // namespace

FileDescriptor::~FileDescriptor() = default;
MappedFile::~MappedFile() = default;
MappedFile::MappedFile(const fs::path& /*path*/) { refuse(); }
MappedFile::MappedFile(const fs::path& /*directory*/, std::size_t /*size*/) { refuse(); }
void MappedFile::unlink() { refuse(); }
void MappedFile::publish(const fs::path& /*path*/) { refuse(); }
void MappedFile::map(int /*protection*/) { refuse(); }

#else

namespace {

constexpr const char* kTemporaryName = ".torch-tl-features-";

[[noreturn]] void fail(int error = errno) { throw std::system_error(error, std::generic_category()); }

void require(bool succeeded) {
  if (!succeeded) fail();
}

/** None where the system refuses, which `errno` then says. */
FileDescriptor try_open(const fs::path& path, int flags) {
  return FileDescriptor(::open(path.c_str(), flags | O_CLOEXEC, 0666));  // NOLINT(*-vararg): the system's way
}

FileDescriptor open_file(const fs::path& path, int flags) {
  FileDescriptor file = try_open(path, flags);
  require(file.number() >= 0);
  return file;
}

struct stat status_of(const FileDescriptor& file) {
  struct stat status {};
  require(::fstat(file.number(), &status) == 0);
  return status;
}

/** A process that was killed leaves its temporary file behind; those in use are locked. */
void remove_abandoned(const fs::path& directory) {
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    if (!entry.path().filename().string().starts_with(kTemporaryName)) continue;
    const FileDescriptor file = try_open(entry.path(), O_RDWR);
    if (::flock(file.number(), LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
  }
}

fs::path random_name(const fs::path& directory) {
  std::random_device random;
  return directory / (kTemporaryName + std::to_string(random()) + std::to_string(random()));
}

/** Not ftruncate alone: writing into the hole it makes kills the process when the disk is full. */
void reserve(const FileDescriptor& file, std::size_t size) {
  const auto length = static_cast<off_t>(size);
#ifdef __APPLE__
  fstore_t blocks{F_ALLOCATEALL, F_PEOFPOSMODE, 0, length, 0};
  require(::fcntl(file.number(), F_PREALLOCATE, &blocks) != -1 && ::ftruncate(file.number(), length) == 0);
#else
  int error = EINTR;
  while (error == EINTR) error = ::posix_fallocate(file.number(), 0, length);
  if (error != 0) fail(error);
#endif
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

MappedFile::MappedFile(const fs::path& path) : file_(open_file(path, O_RDONLY)) {
  size_ = static_cast<std::size_t>(status_of(file_).st_size);
  if (size_ > 0) map(PROT_READ);
}

MappedFile::MappedFile(const fs::path& directory, std::size_t size) : size_(size) {
  fs::create_directories(directory);
  remove_abandoned(directory);
  do {
    temporary_ = random_name(directory);
    file_ = open_file(temporary_, O_RDWR | O_CREAT | O_EXCL);
    ::flock(file_.number(), LOCK_EX);        // where there are no locks, nothing is ever taken for abandoned
  } while (status_of(file_).st_nlink == 0);  // another process took it for that before it was locked
  try {
    reserve(file_, size);
    map(PROT_READ | PROT_WRITE);
  } catch (...) {
    ::unlink(temporary_.c_str());
    throw;
  }
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void MappedFile::unlink() {
  require(::unlink(temporary_.c_str()) == 0);
  temporary_.clear();
}

void MappedFile::publish(const fs::path& path) {
  require(::msync(data_, size_, MS_SYNC) == 0 && ::fsync(file_.number()) == 0);
  fs::rename(temporary_, path);
  temporary_.clear();
  require(::fsync(open_file(path.parent_path(), O_RDONLY).number()) == 0);
}

void MappedFile::map(int protection) {
  void* address = ::mmap(nullptr, size_, protection, MAP_SHARED, file_.number(), 0);
  require(address != MAP_FAILED);
  data_ = static_cast<std::uint8_t*>(address);
}

#endif

}  // namespace torch_tl
