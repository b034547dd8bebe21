// Loads shared libraries by absolute path, so that the engine finds LibTorch by name when Node loads it
// afterwards, and locks files. Node can do neither. Needs no LibTorch.

#include <node_api.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "environment_variable.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#include <sys/file.h>
#endif

namespace {

#ifdef _WIN32

using Path = std::wstring;

napi_status read_string(napi_env env, napi_value value, wchar_t* out, size_t capacity, size_t* length) {
  return napi_get_value_string_utf16(env, value, reinterpret_cast<char16_t*>(out), capacity, length);
}

// Returns the reason why the library cannot be loaded, or an empty string.
std::string load_library(const Path& path) {
  // Searches the library's own directory for its dependencies, but not PATH.
  const DWORD flags = LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS;
  if (LoadLibraryExW(path.c_str(), nullptr, flags)) return {};
  return "LoadLibraryExW failed with system error " + std::to_string(GetLastError());
}

int lock_descriptor(int) { return ENOTSUP; }

#else

using Path = std::string;

napi_status read_string(napi_env env, napi_value value, char* out, size_t capacity, size_t* length) {
  return napi_get_value_string_utf8(env, value, out, capacity, length);
}

// Makes OpenMP's waiting threads spin only briefly before they sleep, unless the user has set how they wait.
// GCC's OpenMP spins 300,000 times by default. If other programs run, this keeps the processor from the
// threads that are waited for, and a training takes many times as long. OpenMP reads the variable when it is
// loaded; child processes do not inherit it.
class BriefSpinning {
 public:
  BriefSpinning()
      : set_(torch_tl::environment_variable("OMP_WAIT_POLICY").empty() &&
             torch_tl::environment_variable("GOMP_SPINCOUNT").empty()) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): on the JavaScript thread, as all of this file
    if (set_) setenv("GOMP_SPINCOUNT", "2000", 1);
  }
  ~BriefSpinning() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): likewise
    if (set_) unsetenv("GOMP_SPINCOUNT");
  }
  BriefSpinning(const BriefSpinning&) = delete;
  BriefSpinning& operator=(const BriefSpinning&) = delete;
  BriefSpinning(BriefSpinning&&) = delete;
  BriefSpinning& operator=(BriefSpinning&&) = delete;

 private:
  bool set_;
};

// Returns the reason why the library cannot be loaded, or an empty string.
std::string load_library(const Path& path) {
  const BriefSpinning brief_spinning;
  // RTLD_LOCAL, because LibTorch contains a BLAS whose symbols would otherwise replace those of other addons.
  // The handle is kept until the process ends; a library that is loaded already is not loaded again.
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return {};
  const char* reason = dlerror();  // NOLINT(concurrency-mt-unsafe): each thread has its own
  return reason ? reason : "dlopen failed without a reason";
}

// Returns 0 or the error number: EWOULDBLOCK if another open file holds the lock. The kernel frees the lock
// when the descriptor is closed, however the process ends.
int lock_descriptor(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno; }

#endif

// load(path: string): void
napi_value load_from_path(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = nullptr;
  size_t length = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok ||
      read_string(env, argument, nullptr, 0, &length) != napi_ok) {
    napi_throw_type_error(env, nullptr, "load needs the path of a library, a string");
    return nullptr;
  }
  Path path(length, '\0');
  // Node-API writes the terminator too, for which a std::string has room.
  read_string(env, argument, path.data(), length + 1, &length);

  const std::string problem = load_library(path);
  if (!problem.empty()) napi_throw_error(env, nullptr, problem.c_str());
  return nullptr;
}

// lock(descriptor: number): boolean
napi_value lock(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = nullptr;
  int descriptor = -1;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok ||
      napi_get_value_int32(env, argument, &descriptor) != napi_ok) {
    napi_throw_type_error(env, nullptr, "lock needs the descriptor of an open file, a number");
    return nullptr;
  }
  const int error = lock_descriptor(descriptor);
  if (error != 0 && error != EWOULDBLOCK) {
    napi_throw_error(env, nullptr, std::generic_category().message(error).c_str());
    return nullptr;
  }
  napi_value locked = nullptr;
  napi_get_boolean(env, error == 0, &locked);
  return locked;
}

void export_function(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

}  // namespace

// Context-aware, so that every Worker can load it.
NAPI_MODULE_INIT() {
  export_function(env, exports, "load", load_from_path);
  export_function(env, exports, "lock", lock);
  return exports;
}
