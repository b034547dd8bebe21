#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "bindings/convert.h"

namespace torch_tl {

/**
 * A JavaScript class around a shared native value. Jobs share the value: dispose() during a job frees it when
 * the job has ended. V8 is told of its memory while this object holds it.
 */
template <typename Derived, typename Value>
class NativeObject : public Napi::ObjectWrap<Derived> {
 public:
  /** Called by `wrap` alone: JavaScript gets these objects from the engine's functions. */
  explicit NativeObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Derived>(info) {
    if (info.Length() != 1 || !info[0].IsExternal()) {
      throw Napi::TypeError::New(info.Env(), "this class has no public constructor");
    }
    value_ = std::move(*info[0].As<Napi::External<std::shared_ptr<Value>>>().Data());
    bytes_ = Derived::bytes_of(*value_);
    Napi::MemoryManagement::AdjustExternalMemory(info.Env(), bytes_);
    info.This().As<Napi::Object>().TypeTag(&Derived::kTypeTag);
  }
  ~NativeObject() override { drop(this->Env()); }
  NativeObject(const NativeObject&) = delete;
  NativeObject& operator=(const NativeObject&) = delete;
  NativeObject(NativeObject&&) = delete;
  NativeObject& operator=(NativeObject&&) = delete;

  static Napi::Object wrap(Napi::Env env, const Napi::FunctionReference& constructor,
                           std::shared_ptr<Value> value) {
    return constructor.New({Napi::External<std::shared_ptr<Value>>::New(env, &value)});
  }

  /**
   * The value of an argument of this class; throws TypeError for others, by the tag, before using a pointer.
   */
  static std::shared_ptr<Value> value_of(const Napi::Value& argument) {
    if (!argument.IsObject() || !argument.As<Napi::Object>().CheckTypeTag(&Derived::kTypeTag)) {
      throw Napi::TypeError::New(argument.Env(), std::string("expected a ") + Derived::kName);
    }
    return Derived::Unwrap(argument.As<Napi::Object>())->value();
  }

  std::shared_ptr<Value> value() const {
    if (!value_)
      throw coded_error(this->Env(), "DISPOSED", std::string("the ") + Derived::kName + " was disposed");
    return value_;
  }

 protected:
  /** Releases the value. A second call does nothing. */
  void drop(Napi::Env env) {
    if (!value_) return;
    value_.reset();
    Napi::MemoryManagement::AdjustExternalMemory(env, -bytes_);
  }

 private:
  std::shared_ptr<Value> value_;
  std::int64_t bytes_ = 0;
};

}  // namespace torch_tl
