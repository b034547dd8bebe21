#include "distributed/join.h"

#include <string>

#include "distributed/gloo_group.h"
#include "errors.h"

#ifndef _WIN32
#include <dlfcn.h>
#endif

namespace torch_tl {
namespace {

struct Found {
  JoinGlooGroup* join = nullptr;
  std::string problem = "this engine was built without c10d, LibTorch's part for several processes";
};

/** In the library beside this one, which is there where LibTorch has Gloo: not every LibTorch does. */
Found find_joining() {
#ifndef _WIN32
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&can_join), &here) == 0) return {};
  const std::string engine = here.dli_fname;
  const std::string path = engine.substr(0, engine.rfind('/') + 1) + "torch-tl-gloo.so";
  // Never closed: threads of a lost group may still run in it.
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) {
    return {reinterpret_cast<JoinGlooGroup*>(dlsym(library, "torch_tl_join_gloo_group")), {}};
  }
  if (const char* reason = dlerror(); reason != nullptr) return {nullptr, Found{}.problem + ": " + reason};
#endif
  return {};
}

const Found& joining() {
  static const Found found = find_joining();
  return found;
}

}  // namespace

bool can_join() { return joining().join != nullptr; }

std::shared_ptr<Group> join_group(const JoinOptions& options, const std::function<void()>& check) {
  if (!can_join()) throw JoinFailed("processes cannot be joined: " + joining().problem);
  return std::shared_ptr<Group>(joining().join(options, check));
}

}  // namespace torch_tl
