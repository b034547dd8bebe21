#include "bindings/augmentation.h"

#include "bindings/convert.h"

namespace torch_tl {
namespace {

std::array<double, 2> to_pair(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  return {to_double(array.Get(0U)), to_double(array.Get(1U))};
}

BoxRange to_box_range(const Napi::Object& value) {
  return {to_pair(value.Get("scale")), to_pair(value.Get("ratio"))};
}

/** Reads an object with `read`; none if the value is null. */
template <typename Read>
auto to_optional(const Napi::Value& value, Read read) {
  using Result = decltype(read(value.As<Napi::Object>()));
  return value.IsObject() ? std::optional<Result>(read(value.As<Napi::Object>())) : std::nullopt;
}

}  // namespace

AugmentationOptions to_augmentation_options(const Napi::Object& value) {
  AugmentationOptions options;
  options.random_resized_crop = to_optional(value.Get("randomResizedCrop"), to_box_range);
  options.random_crop_padding = to_optional(
      value.Get("randomCrop"), [](const Napi::Object& crop) { return to_double(crop.Get("padding")); });
  options.horizontal_flip = to_double(value.Get("horizontalFlip"));
  options.color_jitter = to_optional(value.Get("colorJitter"), [](const Napi::Object& jitter) {
    return ColorJitterOptions{to_double(jitter.Get("brightness")), to_double(jitter.Get("contrast")),
                              to_double(jitter.Get("saturation")), to_double(jitter.Get("hue"))};
  });
  options.random_erasing = to_optional(value.Get("randomErasing"), [](const Napi::Object& erasing) {
    return RandomErasingOptions{to_double(erasing.Get("probability")), to_box_range(erasing)};
  });
  options.mixup = to_double(value.Get("mixup"));
  options.cutmix = to_double(value.Get("cutmix"));
  return options;
}

}  // namespace torch_tl
