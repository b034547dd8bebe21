#include "data/picture_file.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "data/batches.h"
#include "device/gpu.h"
#include "errors.h"
#include "memory/mapped_file.h"

namespace torch_tl {
namespace {

/** So many are copied to a GPU at a time. */
constexpr std::int64_t kCopied = 256;

/** uint8 [pictures, height, width, 3]: memory of the file's for as long as the tensor lives. */
at::Tensor map_pictures(const PictureFile& file) {
  const std::int64_t bytes = file.height * file.width * 3;
  try {
    const auto mapped = std::make_shared<MappedFile>(file.path);
    const auto pictures = static_cast<std::int64_t>(mapped->size()) / bytes;
    if (file.places.max().item<std::int64_t>() < pictures) {
      return at::from_blob(
          mapped->data(), {pictures, file.height, file.width, 3}, [mapped](void*) {},
          at::TensorOptions(at::kByte));
    }
  } catch (const std::system_error& error) {
    throw FileUnreadable("cannot read the decoded pictures in " + file.path.string() + ": " +
                         error.code().message());
  }
  throw FileUnreadable("the decoded pictures in " + file.path.string() +
                       " are no longer whole; read the data set again");
}

at::Tensor copy_to(const at::Device& device, const Dataset& data) {
  std::vector<std::int64_t> sizes = data.pixels.sizes().vec();
  sizes[0] = data.count();
  at::Tensor copy = at::empty(sizes, at::TensorOptions(device).dtype(at::kByte));
  for (const BatchRange& range : batch_ranges(data.count(), kCopied)) {
    copy.narrow(0, range.begin, range.size()).copy_(data.pictures(range));
  }
  return copy;
}

}  // namespace

Dataset open_picture_file(const PictureFile& file, const at::Tensor& labels, const at::Device& device) {
  Dataset mapped{map_pictures(file), file.places, labels.to(device)};
  const std::int64_t bytes = mapped.count() * file.height * file.width * 3;
  if (!gpu_has_room(device, static_cast<std::size_t>(bytes))) return mapped;
  return {copy_to(device, mapped), {}, mapped.labels};
}

}  // namespace torch_tl
