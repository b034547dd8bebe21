// Loads shared libraries by absolute path, so that the engine's need of LibTorch is met by name when
// Node loads it afterwards. Has no need of LibTorch itself.

#include <node_api.h>

#include <string>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace {

#ifdef _WIN32

using Path = std::wstring;

napi_status read_string(napi_env env, napi_value value, wchar_t* out, size_t capacity, size_t* length) {
  return napi_get_value_string_utf16(env, value, reinterpret_cast<char16_t*>(out), capacity, length);
}

// Returns why the library cannot be loaded, empty when it is.
std::string load_library(const Path& path) {
  // Its own directory is searched for what it needs, PATH is not.
  const DWORD flags = LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS;
  if (LoadLibraryExW(path.c_str(), nullptr, flags)) return {};
  return "LoadLibraryExW failed with system error " + std::to_string(GetLastError());
}

#else

using Path = std::string;

napi_status read_string(napi_env env, napi_value value, char* out, size_t capacity, size_t* length) {
  return napi_get_value_string_utf8(env, value, out, capacity, length);
}

// Returns why the library cannot be loaded, empty when it is.
std::string load_library(const Path& path) {
  // RTLD_LOCAL: LibTorch carries a BLAS whose symbols would otherwise stand in for those of other
  // addons. The handle is kept for the life of the process; a library that is loaded already is not
  // loaded again.
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return {};
  const char* reason = dlerror();
  return reason ? reason : "dlopen failed without a reason";
}

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
  // The terminator is written too, where a string of the standard library has one.
  read_string(env, argument, path.data(), length + 1, &length);

  const std::string problem = load_library(path);
  if (!problem.empty()) napi_throw_error(env, nullptr, problem.c_str());
  return nullptr;
}

}  // namespace

// Context-aware, so that each worker thread can have it.
NAPI_MODULE_INIT() {
  napi_value load = nullptr;
  napi_create_function(env, "load", NAPI_AUTO_LENGTH, load_from_path, nullptr, &load);
  napi_set_named_property(env, exports, "load", load);
  return exports;
}
