#include "distributed/join.h"

#include <string>

#include "distributed/gloo_group.h"
#include "errors.h"
#include "sibling_library.h"

namespace torch_tl {
namespace {

/** The library beside this one, which is there where LibTorch has Gloo: not every LibTorch does. */
const SiblingLibrary& library() {
  static const SiblingLibrary found =
      open_sibling_library(reinterpret_cast<const void*>(&can_join), "torch-tl-gloo.so");
  return found;
}

JoinGlooGroup* joining() { return library().function<JoinGlooGroup>("torch_tl_join_gloo_group"); }

}  // namespace

bool can_join() { return joining() != nullptr; }

std::shared_ptr<Group> join_group(const JoinOptions& options, const std::function<void()>& check) {
  JoinGlooGroup* const join = joining();
  if (join == nullptr) {
    throw JoinFailed(
        "processes cannot be joined: this engine was built without c10d, LibTorch's part for several "
        "processes" +
        (library().problem.empty() ? std::string() : ": " + library().problem));
  }
  return std::shared_ptr<Group>(join(options, check));
}

}  // namespace torch_tl
