#pragma once

#include <napi.h>

#include <functional>

#include "bindings/job.h"
#include "bindings/native_object.h"
#include "distributed/group.h"
#include "training/ranks.h"

namespace torch_tl {

/** The JavaScript class `Group`: the processes of one job. */
class GroupObject final : public NativeObject<GroupObject, Group> {
 public:
  static constexpr const char* kName = "Group";
  static constexpr napi_type_tag kTypeTag{0x3f9c5d1e8b7a4c62ULL, 0x91e0b4d7c6a3f258ULL};
  using NativeObject::NativeObject;

  static Napi::Function define(Napi::Env env);
  /** Whether the options of a call name a group, in `group`. */
  static bool is_in(const Napi::Object& options) { return options.Get("group").IsObject(); }
  /** The ranks of that group, or this process alone. */
  static std::function<Ranks(JobControl&)> ranks_of(const Napi::Object& options);
  static std::int64_t bytes_of(const Group& /*group*/) { return 0; }
  /** joinGroup(options): Job<Group> */
  static Napi::Value join(const Napi::CallbackInfo& info);

 private:
  friend class Napi::ObjectWrap<GroupObject>;
  Napi::Value rank(const Napi::CallbackInfo& info);
  Napi::Value size(const Napi::CallbackInfo& info);
  Napi::Value sum(const Napi::CallbackInfo& info);
  Napi::Value broadcast(const Napi::CallbackInfo& info);
  Napi::Value gather(const Napi::CallbackInfo& info);
  Napi::Value fail(const Napi::CallbackInfo& info);
  Napi::Value leave(const Napi::CallbackInfo& info);
};

}  // namespace torch_tl
