#include "bindings/dataset.h"

#include <memory>
#include <string>
#include <vector>

#include "bindings/environment.h"
#include "data/image_file.h"

namespace torch_tl {
namespace {

BorrowedTensor borrow(const char* name, const Napi::BigInt64Array& values) {
  return {name,
          at::kLong,
          {static_cast<std::int64_t>(values.ElementLength())},
          reinterpret_cast<const std::uint8_t*>(values.Data()),
          values.ByteLength()};
}

/** Images that JavaScript holds, on a device. */
at::Tensor copy_images(const BorrowedTensor& borrowed, const at::Device& device, const JobControl& job) {
  const RowsLayout layout{borrowed.shape, borrowed.type};
  const auto piece = [&](const BatchRange& range) {
    BorrowedTensor rows = borrowed;
    rows.shape[0] = range.size();
    rows.data += static_cast<std::size_t>(range.begin) * layout.row_bytes();
    rows.size = static_cast<std::size_t>(range.size()) * layout.row_bytes();
    return rows.copy();
  };
  return copy_in_pieces(layout, device, piece, [&job] { job.check_abort(); });
}

/** A job that makes a data set, and until then keeps what `make` borrows from. */
template <typename Make>
Napi::Value submit_making(const Napi::CallbackInfo& info, const std::vector<Napi::Object>& kept, Make make) {
  const auto execute = [make](JobControl& job) -> MakeResult {
    auto data = std::make_shared<Dataset>(make(job));
    return
        [data](Napi::Env env) { return DatasetObject::wrap(env, Environment::of(env).dataset_class, data); };
  };
  return Environment::of(info.Env()).jobs.submit(info.Env(), execute, {.callback = {}, .keep = kept});
}

}  // namespace

Napi::Function DatasetObject::define(Napi::Env env) {
  return DefineClass(
      env, "Dataset",
      {InstanceAccessor<&DatasetObject::count>("count"), InstanceMethod<&DatasetObject::dispose>("dispose")});
}

std::int64_t DatasetObject::bytes_of(const Dataset& data) {
  if (!data.labels.is_cpu()) return 0;
  const at::Tensor& largest = data.stored ? data.places : data.pixels;
  return static_cast<std::int64_t>(largest.nbytes() + data.labels.nbytes());
}

Napi::Value DatasetObject::create(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[0].As<Napi::Object>();
  const auto pixels = options.Get("pixels").As<Napi::Uint8Array>();
  const BorrowedTensor labels = borrow("labels", options.Get("labels").As<Napi::BigInt64Array>());
  const std::int64_t height = to_int(options.Get("height"));
  const std::int64_t width = to_int(options.Get("width"));
  const std::int64_t count = labels.shape[0];
  if (static_cast<std::int64_t>(pixels.ByteLength()) != count * height * width * 3) {
    throw Napi::TypeError::New(env, "a dataset of " + std::to_string(count) +
                                        " labels needs as many images of height x width x 3 bytes");
  }

  const BorrowedTensor images{
      "pixels", at::kByte, {count, height, width, 3}, pixels.Data(), pixels.ByteLength()};
  const at::Device device = to_device(options.Get("device"));
  return submit_making(
      info, {pixels.As<Napi::Object>(), options.Get("labels").As<Napi::Object>()},
      [images, labels, device](const JobControl& job) {
        return Dataset{labels.copy().to(device), copy_images(images, device, job), {}, {}};
      });
}

Napi::Value DatasetObject::open(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  const BorrowedTensor places = borrow("places", options.Get("places").As<Napi::BigInt64Array>());
  const BorrowedTensor labels = borrow("labels", options.Get("labels").As<Napi::BigInt64Array>());
  if (places.shape != labels.shape) {
    throw Napi::TypeError::New(info.Env(), "a dataset needs as many places as labels");
  }
  const std::string path = options.Get("file").As<Napi::String>();
  const std::int64_t height = to_int(options.Get("height"));
  const std::int64_t width = to_int(options.Get("width"));
  const at::Device device = to_device(options.Get("device"));
  return submit_making(info,
                       {options.Get("places").As<Napi::Object>(), options.Get("labels").As<Napi::Object>()},
                       [path, height, width, places, labels, device](const JobControl& job) {
                         return open_image_file({path, height, width, places.copy()}, labels.copy(), device,
                                                  [&job] { job.check_abort(); });
                       });
}

Napi::Value DatasetObject::count(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(value()->count()));
}

}  // namespace torch_tl
