#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>

#include "bindings/native_object.h"
#include "data/dataset.h"

namespace torch_tl {

/** The JavaScript class `Dataset`: images on a device, and their labels if they have any. */
class DatasetObject final : public NativeObject<DatasetObject, Dataset> {
 public:
  static constexpr const char* kName = "Dataset";
  static constexpr napi_type_tag kTypeTag{0x6b1f7d0a52f14e0bULL, 0xa7c0d9e3f4b85a61ULL};
  using NativeObject::NativeObject;

  static Napi::Function define(Napi::Env env);
  static std::int64_t bytes_of(const Dataset& data);
  /** `value_of` an argument for work that needs labels; throws TypeError if it has none. */
  static std::shared_ptr<Dataset> labelled(const Napi::Value& argument);
  /** createDataset(options): Job<Dataset> */
  static Napi::Value create(const Napi::CallbackInfo& info);
  /** openDataset(options): Job<Dataset> */
  static Napi::Value open(const Napi::CallbackInfo& info);

 private:
  friend class Napi::ObjectWrap<DatasetObject>;
  void dispose(const Napi::CallbackInfo& info) { drop(info.Env()); }
  Napi::Value count(const Napi::CallbackInfo& info);
};

}  // namespace torch_tl
