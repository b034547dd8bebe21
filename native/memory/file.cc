#include "memory/file.h"

#include <system_error>

#ifndef _WIN32
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
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
File::~File() = default;
File::File(const fs::path& /*path*/, Access /*access*/) { refuse(); }
File::File(const fs::path& /*directory*/, std::size_t /*size*/) { refuse(); }
std::int64_t File::modified() const { refuse(); }
bool File::read(std::size_t /*offset*/, void* /*to*/, std::size_t /*bytes*/) const { refuse(); }
void File::write(std::size_t /*offset*/, const void* /*from*/, std::size_t /*bytes*/) { refuse(); }
void File::unlink() { refuse(); }
void File::publish(const fs::path& /*path*/) { refuse(); }
void File::hold() const { refuse(); }
void File::touch() const { refuse(); }
bool remove_unless_held(const fs::path& /*path*/) { return false; }
std::size_t free_bytes(const fs::path& /*directory*/) { refuse(); }
void require_writable(const fs::path& /*directory*/) { refuse(); }
std::int64_t place_of(const fs::path& /*directory*/) { refuse(); }

#else

namespace {

constexpr const char* kTemporaryName = ".torch-tl-features-";

[[noreturn]] void fail(int error = errno) { throw std::system_error(error, std::generic_category()); }

void require(bool succeeded) {
  if (!succeeded) fail();
}

/** A text that differs between machines, and between containers' names on one that shares nothing else. */
std::string machine() {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return boot + ' ' + host.data();
}

/** Opens a file; on failure returns none and leaves the reason in `errno`. */
FileDescriptor try_open(const fs::path& path, int flags) {
  return FileDescriptor(::open(path.c_str(), flags | O_CLOEXEC, 0666));  // NOLINT(*-vararg): POSIX
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

/** Deletes temporary files of processes that were killed: those in use are locked. */
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

/** Reserves room, unlike ftruncate, so that a full disk is noticed before hours of work, not after. */
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

/**
 * Reads or writes `bytes` bytes in as many pieces as the system needs. `move(done, left)` returns how many
 * bytes it moved, 0 at the end of the file. Returns the total.
 */
template <typename Move>
std::size_t in_pieces(std::size_t bytes, Move move) {
  constexpr std::size_t kLargest = std::size_t{1} << 30;  // Linux moves at most 2 GiB at once, macOS fewer
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t moved = move(done, std::min(bytes - done, kLargest));
    if (moved < 0 && errno == EINTR) continue;
    require(moved >= 0);
    if (moved == 0) break;
    done += static_cast<std::size_t>(moved);
  }
  return done;
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

File::File(const fs::path& path, Access access)
    : file_(open_file(path, access == Access::kWrite ? O_RDWR : O_RDONLY)) {
  size_ = static_cast<std::size_t>(status_of(file_).st_size);
}

File::File(const fs::path& directory, std::size_t size) : size_(size) {
  fs::create_directories(directory);
  remove_abandoned(directory);
  do {
    temporary_ = random_name(directory);
    file_ = open_file(temporary_, O_RDWR | O_CREAT | O_EXCL);
    ::flock(file_.number(), LOCK_EX);        // without locks on this system, no file counts as abandoned
  } while (status_of(file_).st_nlink == 0);  // another process deleted it before it was locked
  try {
    reserve(file_, size);
  } catch (...) {
    ::unlink(temporary_.c_str());
    throw;
  }
}

File::~File() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

std::int64_t File::modified() const {
  constexpr std::int64_t kSecond = 1'000'000'000;
#ifdef __APPLE__
  const timespec time = status_of(file_).st_mtimespec;
#else
  const timespec time = status_of(file_).st_mtim;
#endif
  return time.tv_sec * kSecond + time.tv_nsec;
}

bool File::read(std::size_t offset, void* to, std::size_t bytes) const {
  return in_pieces(bytes, [&](std::size_t done, std::size_t left) {
           return ::pread(file_.number(), static_cast<char*>(to) + done, left,
                          static_cast<off_t>(offset + done));
         }) == bytes;
}

void File::write(std::size_t offset, const void* from, std::size_t bytes) {
  in_pieces(bytes, [&](std::size_t done, std::size_t left) {
    return ::pwrite(file_.number(), static_cast<const char*>(from) + done, left,
                    static_cast<off_t>(offset + done));
  });
}

void File::unlink() {
  require(::unlink(temporary_.c_str()) == 0);
  temporary_.clear();
}

void File::publish(const fs::path& path) {
  fs::rename(temporary_, path);
  temporary_.clear();
  hold();
}

// Without locks on this system, no file counts as held. A lock of one's own is replaced.
void File::hold() const { ::flock(file_.number(), LOCK_SH | LOCK_NB); }

// Only the owner of a file may do this, and only on a disk that can be written.
void File::touch() const { ::futimens(file_.number(), nullptr); }

bool remove_unless_held(const fs::path& path) {
  const FileDescriptor file = try_open(path, O_RDONLY);
  if (file.number() < 0) return errno == ENOENT;
  if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
  return ::unlink(path.c_str()) == 0 || errno == ENOENT;
}

std::size_t free_bytes(const fs::path& directory) {
  struct statvfs disk {};
  require(::statvfs(directory.c_str(), &disk) == 0);
  return static_cast<std::size_t>(disk.f_bavail) * disk.f_frsize;
}

void require_writable(const fs::path& directory) {
  fs::create_directories(directory);
  require(::access(directory.c_str(), W_OK | X_OK) == 0);
}

std::int64_t place_of(const fs::path& directory) {
  fs::create_directories(directory);
  const struct stat status = status_of(open_file(directory, O_RDONLY));
  std::ostringstream place;
  place << machine() << ' ' << status.st_dev << ' ' << status.st_ino;
  return static_cast<std::int64_t>(std::hash<std::string>()(place.str()));
}

#endif

}  // namespace torch_tl
