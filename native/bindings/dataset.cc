#include "bindings/dataset.h"

#include <string>
#include <utility>

#include "bindings/environment.h"

namespace torch_tl {

Napi::Function DatasetObject::define(Napi::Env env) {
  return DefineClass(
      env, "Dataset",
      {InstanceAccessor<&DatasetObject::count>("count"), InstanceMethod<&DatasetObject::dispose>("dispose")});
}

std::int64_t DatasetObject::bytes_of(const Dataset& data) {
  return data.pixels.is_cpu() ? static_cast<std::int64_t>(data.pixels.nbytes() + data.labels.nbytes()) : 0;
}

Napi::Value DatasetObject::create(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[0].As<Napi::Object>();
  const auto pixels = options.Get("pixels").As<Napi::Uint8Array>();
  const auto labels = options.Get("labels").As<Napi::BigInt64Array>();
  const std::int64_t height = to_int(options.Get("height"));
  const std::int64_t width = to_int(options.Get("width"));
  const auto count = static_cast<std::int64_t>(labels.ElementLength());
  if (static_cast<std::int64_t>(pixels.ByteLength()) != count * height * width * 3) {
    throw Napi::TypeError::New(env, "a dataset of " + std::to_string(count) +
                                        " labels needs as many pictures of height x width x 3 bytes");
  }

  const BorrowedTensor pixel_bytes{
      "pixels", at::kByte, {count, height, width, 3}, pixels.Data(), pixels.ByteLength()};
  const BorrowedTensor label_bytes{"labels",
                                   at::kLong,
                                   {count},
                                   reinterpret_cast<const std::uint8_t*>(labels.Data()),
                                   labels.ByteLength()};
  const at::Device device = to_device(options.Get("device"));
  const auto execute = [pixel_bytes, label_bytes, device](JobControl&) -> MakeResult {
    auto data = std::make_shared<Dataset>();
    data->pixels = pixel_bytes.copy().to(device);
    data->labels = label_bytes.copy().to(device);
    return [data](Napi::Env env) { return wrap(env, Environment::of(env).dataset_class, data); };
  };
  return Environment::of(env).jobs.submit(
      env, execute, {.callback = {}, .keep = {pixels.As<Napi::Object>(), labels.As<Napi::Object>()}});
}

Napi::Value DatasetObject::count(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(value()->count()));
}

}  // namespace torch_tl
