#include "bindings/dataset.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bindings/environment.h"
#include "data/image_file.h"

namespace torch_tl {
namespace {

/**
 * Reads labels, int64 [count]; none if the value is undefined or null. Throws TypeError for another count.
 */
std::optional<BorrowedTensor> to_labels(const Napi::Value& value, std::int64_t count) {
  if (value.IsUndefined() || value.IsNull()) return std::nullopt;
  BorrowedTensor labels = to_borrowed_tensor("labels", value.As<Napi::BigInt64Array>());
  if (labels.shape[0] != count) {
    throw Napi::TypeError::New(value.Env(), "a dataset of " + std::to_string(count) +
                                                " images needs one label per image, not " +
                                                std::to_string(labels.shape[0]));
  }
  return labels;
}

at::Tensor copy_labels(const std::optional<BorrowedTensor>& labels, const at::Device& device) {
  return labels ? labels->copy().to(device) : at::Tensor();
}

/** Copies images that JavaScript holds to a device. */
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

/**
 * Submits a job in which `make` makes a data set from JavaScript arrays, `images` among them and any labels.
 */
template <typename Make>
Napi::Value submit_making(const Napi::CallbackInfo& info, const Napi::Object& images, Make make) {
  std::vector<Napi::Object> kept{images};
  const Napi::Value labels = info[0].As<Napi::Object>().Get("labels");
  if (labels.IsObject()) kept.push_back(labels.As<Napi::Object>());
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
  if (!data.device.is_cpu()) return 0;
  const at::Tensor& largest = data.stored ? data.places : data.pixels;
  const std::size_t labels = data.labels.defined() ? data.labels.nbytes() : 0;
  return static_cast<std::int64_t>(largest.nbytes() + labels);
}

std::shared_ptr<Dataset> DatasetObject::labelled(const Napi::Value& argument) {
  std::shared_ptr<Dataset> data = value_of(argument);
  if (!data->labels.defined()) {
    throw Napi::TypeError::New(argument.Env(), "this work needs a dataset with labels");
  }
  return data;
}

Napi::Value DatasetObject::create(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  const auto pixels = options.Get("pixels").As<Napi::Uint8Array>();
  const std::int64_t height = to_int(options.Get("height"));
  const std::int64_t width = to_int(options.Get("width"));
  const std::int64_t image_bytes = height * width * 3;
  const auto bytes = static_cast<std::int64_t>(pixels.ByteLength());
  if (image_bytes <= 0 || bytes % image_bytes != 0) {
    throw Napi::TypeError::New(info.Env(), "a dataset needs whole images of height x width x 3 bytes");
  }
  const std::int64_t count = bytes / image_bytes;
  const BorrowedTensor images{
      "pixels", at::kByte, {count, height, width, 3}, pixels.Data(), pixels.ByteLength()};
  const std::optional<BorrowedTensor> labels = to_labels(options.Get("labels"), count);
  const at::Device device = to_device(options.Get("device"));
  return submit_making(info, pixels, [images, labels, device](const JobControl& job) {
    return Dataset{device, copy_images(images, device, job), {}, {}, copy_labels(labels, device)};
  });
}

Napi::Value DatasetObject::open(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  const auto given = options.Get("places").As<Napi::BigInt64Array>();
  const BorrowedTensor places = to_borrowed_tensor("places", given);
  const std::optional<BorrowedTensor> labels = to_labels(options.Get("labels"), places.shape[0]);
  const std::string path = options.Get("file").As<Napi::String>();
  const std::int64_t height = to_int(options.Get("height"));
  const std::int64_t width = to_int(options.Get("width"));
  const at::Device device = to_device(options.Get("device"));
  return submit_making(info, given, [path, height, width, places, labels, device](const JobControl& job) {
    return open_image_file({path, height, width, places.copy()}, copy_labels(labels, at::kCPU), device,
                           [&job] { job.check_abort(); });
  });
}

Napi::Value DatasetObject::count(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(value()->count()));
}

}  // namespace torch_tl
