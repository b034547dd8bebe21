/*
 * A library to preload (LD_PRELOAD) that makes operations on files fail, or kills the process at one of them.
 * It counts the operations of all threads on files whose path contains FAULT_PATH, in the order in which they
 * begin.
 *
 *   FAULT_PATH   part of a path
 *   FAULT_AT     number of the operation that fails, from 1; 0 lets all pass
 *   FAULT_KIND   an errno in digits
 *                `half`: a write takes half of its bytes, and then the disk is full
 *                `slow`: it takes half a second, in which something else can happen to the process
 *                `kill`: SIGKILL before the operation
 *                `cut`:  as kill, and everything that was not synced before is lost, as in a power cut
 *                `torn`: as cut, but names that were not synced stay, which a disk may write first
 *   FAULT_LASTS  1: all later operations fail too, with the same errno
 *   FAULT_COPIES directory for copies of files
 *   FAULT_LOG    file to which each counted operation is appended
 *
 * A power cut loses what a file had after its last fsync: the library keeps a copy of each matching file as
 * it was then, puts it back, and takes back new and removed files and renames whose directory was not synced
 * since.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MAX_FILES 4096

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long operations;
static int disk_is_full;

/* What is known of an open file. */
static char paths[MAX_FILES][PATH_MAX];

/* A change of names that no directory's fsync has made lasting. */
struct change {
  char from[PATH_MAX]; /* empty for a file that was made or removed */
  char to[PATH_MAX];
  char saved[PATH_MAX]; /* copy of what was at `to` before; empty if there was nothing */
};
static struct change changes[MAX_FILES];
static int change_count;

/* The content that each file had when it was synced last. */
struct content {
  char path[PATH_MAX];
  char saved[PATH_MAX]; /* empty: it had none, it was new */
};
static struct content contents[MAX_FILES];
static int content_count;

static const char* setting(const char* name) {
  const char* value = getenv(name);
  return value ? value : "";
}

static int is_torn(void) { return strcmp(setting("FAULT_KIND"), "torn") == 0; }
static int is_cut(void) { return is_torn() || strcmp(setting("FAULT_KIND"), "cut") == 0; }

static int matches(const char* path) {
  const char* part = setting("FAULT_PATH");
  return part[0] != 0 && path != NULL && strstr(path, part) != NULL;
}

static void absolute(const char* path, char* out) {
  if (path[0] == '/' || getcwd(out, PATH_MAX) == NULL) {
    snprintf(out, PATH_MAX, "%s", path);
  } else {
    size_t length = strlen(out);
    snprintf(out + length, PATH_MAX - length, "/%s", path);
  }
}

static void copy_file(const char* from, const char* to) {
  char buffer[1 << 16];
  int in = REAL(open)(from, O_RDONLY | O_CLOEXEC);
  int out = REAL(open)(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ssize_t count;
  while (in >= 0 && out >= 0 && (count = REAL(read)(in, buffer, sizeof buffer)) > 0) {
    if (REAL(write)(out, buffer, (size_t)count) != count) break;
  }
  if (in >= 0) REAL(close)(in);
  if (out >= 0) REAL(close)(out);
}

/* A copy beside all files, in the directory of FAULT_COPIES. */
static void save(const char* path, char* saved) {
  static long number;
  struct stat status;
  saved[0] = 0;
  if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) return;
  snprintf(saved, PATH_MAX, "%s/%ld", setting("FAULT_COPIES"), ++number);
  copy_file(path, saved);
}

static struct content* content_of(const char* path) {
  for (int i = 0; i < content_count; i++) {
    if (strcmp(contents[i].path, path) == 0) return &contents[i];
  }
  return NULL;
}

/* Before a file is changed for the first time since its last fsync. */
static void note_content(const char* path) {
  if (!is_cut() || content_of(path) != NULL || content_count == MAX_FILES) return;
  struct content* content = &contents[content_count++];
  snprintf(content->path, PATH_MAX, "%s", path);
  save(path, content->saved);
}

static void forget_content(const char* path) {
  struct content* content = content_of(path);
  if (content != NULL) *content = contents[--content_count];
}

static void note_change(const char* from, const char* to) {
  if (!is_cut() || change_count == MAX_FILES) return;
  struct change* change = &changes[change_count++];
  snprintf(change->from, PATH_MAX, "%s", from);
  snprintf(change->to, PATH_MAX, "%s", to);
  save(to, change->saved);
}

static int lies_in(const char* path, const char* directory) {
  size_t length = strlen(directory);
  return strncmp(path, directory, length) == 0 && path[length] == '/' &&
         strchr(path + length + 1, '/') == NULL;
}

static void keep_changes_in(const char* directory) {
  int kept = 0;
  for (int i = 0; i < change_count; i++) {
    if (!lies_in(changes[i].to, directory)) changes[kept++] = changes[i];
  }
  change_count = kept;
}

/* Puts the disk into the state in which a power cut may leave it. */
static void lose_unsynced(void) {
  for (int i = 0; i < content_count; i++) {
    struct stat status;
    if (stat(contents[i].path, &status) != 0) continue;
    if (contents[i].saved[0] != 0) {
      copy_file(contents[i].saved, contents[i].path);
    } else {
      REAL(truncate)(contents[i].path, 0);
    }
  }
  for (int i = change_count - 1; i >= 0 && !is_torn(); i--) {
    struct change* change = &changes[i];
    if (change->from[0] != 0) {
      REAL(rename)(change->to, change->from);
    } else {
      REAL(unlink)(change->to);
    }
    if (change->saved[0] != 0) copy_file(change->saved, change->to);
  }
}

/*
 * Counts an operation. Returns 0 if it shall go on, the errno with which it fails, or -1 if a write shall
 * take half.
 */
static int begin(const char* name, const char* path) {
  if (disk_is_full && strcmp(name, "write") == 0) return ENOSPC;
  long number = ++operations;
  const char* log = setting("FAULT_LOG");
  if (log[0] != 0) {
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%ld %s %s\n", number, name, path);
    int file = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file >= 0) {
      if (REAL(write)(file, line, (size_t)length) < 0) number = operations;
      REAL(close)(file);
    }
  }
  long at = atol(setting("FAULT_AT"));
  if (at == 0 || number < at || (number > at && setting("FAULT_LASTS")[0] == 0)) return 0;
  const char* kind = setting("FAULT_KIND");
  if (strcmp(kind, "kill") == 0 || is_cut()) {
    if (is_cut()) lose_unsynced();
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  if (strcmp(kind, "half") == 0) {
    if (strcmp(name, "write") != 0) return 0;
    disk_is_full = 1;
    return -1;
  }
  if (strcmp(kind, "slow") == 0) {
    struct timespec left = {0, 500000000};
    while (nanosleep(&left, &left) != 0) continue;
    return 0;
  }
  return atoi(kind);
}

static int begin_locked(const char* name, const char* path) {
  pthread_mutex_lock(&mutex);
  int fault = begin(name, path);
  pthread_mutex_unlock(&mutex);
  return fault;
}

static const char* path_of(int file) {
  return file >= 0 && file < MAX_FILES && paths[file][0] != 0 ? paths[file] : NULL;
}

static int opened(const char* given, int flags, mode_t mode) {
  char path[PATH_MAX];
  absolute(given, path);
  int writes = (flags & O_ACCMODE) != O_RDONLY;
  if (!matches(path) || !writes) {
    int file = REAL(open)(given, flags, mode);
    if (file >= 0 && file < MAX_FILES) snprintf(paths[file], PATH_MAX, "%s", matches(path) ? path : "");
    return file;
  }
  pthread_mutex_lock(&mutex);
  int fault = begin("open", path);
  int file = -1;
  if (fault > 0) {
    errno = fault;
  } else {
    struct stat status;
    int is_new = stat(path, &status) != 0;
    if (flags & O_TRUNC) note_content(path);
    file = REAL(open)(given, flags, mode);
    if (file >= 0 && is_new) {
      note_change("", path);
      note_content(path);
    }
    if (file >= 0 && file < MAX_FILES) snprintf(paths[file], PATH_MAX, "%s", path);
  }
  pthread_mutex_unlock(&mutex);
  return file;
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return opened(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return opened(path, flags | O_LARGEFILE, mode);
}

int close(int file) {
  if (file >= 0 && file < MAX_FILES) paths[file][0] = 0;
  return REAL(close)(file);
}

/* The bytes that a write to a file may take: all, half, or -1 with errno. */
static ssize_t allowed(int file, size_t count) {
  const char* path = path_of(file);
  if (path == NULL) return (ssize_t)count;
  pthread_mutex_lock(&mutex);
  int fault = begin("write", path);
  if (fault <= 0) note_content(path);
  pthread_mutex_unlock(&mutex);
  if (fault > 0) {
    errno = fault;
    return -1;
  }
  return (ssize_t)(fault < 0 ? count / 2 : count);
}

ssize_t write(int file, const void* bytes, size_t count) {
  ssize_t length = allowed(file, count);
  return length < 0 ? -1 : REAL(write)(file, bytes, (size_t)length);
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t offset) {
  ssize_t length = allowed(file, count);
  return length < 0 ? -1 : REAL(pwrite)(file, bytes, (size_t)length, offset);
}

ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t offset) {
  ssize_t length = allowed(file, count);
  return length < 0 ? -1 : REAL(pwrite64)(file, bytes, (size_t)length, offset);
}

ssize_t writev(int file, const struct iovec* parts, int count) {
  if (path_of(file) == NULL) return REAL(writev)(file, parts, count);
  return count > 0 ? write(file, parts[0].iov_base, parts[0].iov_len) : 0;
}

ssize_t pwritev(int file, const struct iovec* parts, int count, off_t offset) {
  if (path_of(file) == NULL) return REAL(pwritev)(file, parts, count, offset);
  return count > 0 ? pwrite(file, parts[0].iov_base, parts[0].iov_len, offset) : 0;
}

static int synced(int file, int (*real)(int), const char* name) {
  const char* path = path_of(file);
  if (path == NULL) return real(file);
  pthread_mutex_lock(&mutex);
  int fault = begin(name, path);
  int result = -1;
  if (fault > 0) {
    errno = fault;
  } else {
    result = real(file);
    struct stat status;
    if (result == 0 && fstat(file, &status) == 0) {
      if (S_ISDIR(status.st_mode)) {
        keep_changes_in(path);
      } else {
        forget_content(path);
      }
    }
  }
  pthread_mutex_unlock(&mutex);
  return result;
}

int fsync(int file) { return synced(file, REAL(fsync), "fsync"); }
int fdatasync(int file) { return synced(file, REAL(fdatasync), "fsync"); }

int ftruncate(int file, off_t length) {
  const char* path = path_of(file);
  int fault = path ? begin_locked("truncate", path) : 0;
  if (fault > 0) {
    errno = fault;
    return -1;
  }
  return REAL(ftruncate)(file, length);
}

int rename(const char* from, const char* to) {
  char old[PATH_MAX], new[PATH_MAX];
  absolute(from, old);
  absolute(to, new);
  if (!matches(new)) return REAL(rename)(from, to);
  pthread_mutex_lock(&mutex);
  int fault = begin("rename", new);
  int result = -1;
  if (fault > 0) {
    errno = fault;
  } else {
    struct content* content = content_of(old);
    note_change(old, new);
    result = REAL(rename)(from, to);
    if (result == 0 && content != NULL) snprintf(content->path, PATH_MAX, "%s", new);
  }
  pthread_mutex_unlock(&mutex);
  return result;
}

static int named(const char* name, const char* path) {
  char whole[PATH_MAX];
  absolute(path, whole);
  int fault = matches(whole) ? begin_locked(name, whole) : 0;
  if (fault > 0) errno = fault;
  return fault;
}

int link(const char* from, const char* to) {
  char whole[PATH_MAX];
  absolute(to, whole);
  int fault = named("link", to);
  int result = fault > 0 ? -1 : REAL(link)(from, to);
  if (result == 0 && matches(whole)) {
    pthread_mutex_lock(&mutex);
    note_change("", whole);
    pthread_mutex_unlock(&mutex);
  }
  return result;
}

int unlink(const char* path) {
  char whole[PATH_MAX];
  absolute(path, whole);
  if (!matches(whole)) return REAL(unlink)(path);
  pthread_mutex_lock(&mutex);
  int fault = begin("unlink", whole);
  if (fault <= 0) {
    forget_content(whole);
    note_change("", whole);
  }
  pthread_mutex_unlock(&mutex);
  if (fault > 0) {
    errno = fault;
    return -1;
  }
  return REAL(unlink)(path);
}

int mkdir(const char* path, mode_t mode) { return named("mkdir", path) > 0 ? -1 : REAL(mkdir)(path, mode); }
