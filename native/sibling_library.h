#pragma once

#include <string>

#ifndef _WIN32
#include <dlfcn.h>
#endif

namespace torch_tl {

/** A library that was opened, or why it could not be. */
struct SiblingLibrary {
  void* handle = nullptr;
  std::string problem;

  /** The function of this name, or null. */
  template <typename Function>
  Function* function(const char* name) const {
#ifndef _WIN32
    if (handle != nullptr) return reinterpret_cast<Function*>(dlsym(handle, name));
#endif
    return nullptr;
  }
};

/**
 * Opens the library `name` in the directory of the one that holds `here`, a function of the caller. What
 * needs a part that not every LibTorch has is a library of its own. It is never closed: its threads and
 * objects may outlast every use.
 */
inline SiblingLibrary open_sibling_library(const void* here, const std::string& name) {
#ifndef _WIN32
  Dl_info own{};
  if (dladdr(here, &own) == 0) return {};
  const std::string path = own.dli_fname;
  void* const library = dlopen((path.substr(0, path.rfind('/') + 1) + name).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return {library, {}};
  // NOLINTNEXTLINE(concurrency-mt-unsafe): each thread has its own
  if (const char* reason = dlerror(); reason != nullptr) return {nullptr, reason};
#endif
  return {};
}

}  // namespace torch_tl
