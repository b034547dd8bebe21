#include "data/image_file.h"

#include <memory>
#include <string>
#include <system_error>

#include "device/gpu.h"
#include "errors.h"

namespace torch_tl {
namespace {

std::shared_ptr<const File> open_for(const ImageFile& images, const std::string& name) {
  try {
    auto file = std::make_shared<const File>(images.path);
    file->hold();
    return file;
  } catch (const std::system_error& error) {
    throw FileUnreadable("cannot read " + name + ": " + error.code().message());
  }
}

}  // namespace

Dataset open_image_file(const ImageFile& file, const at::Tensor& labels, const at::Device& device,
                        const std::function<void()>& check_stop) {
  const std::string name = "the decoded images in " + file.path.string();
  const std::string remedy = "read the data set again";
  const RowsPlace place{open_for(file, name), 0, name, remedy};
  RowsLayout layout{{0, file.height, file.width, 3}, at::kByte};
  layout.sizes[0] = static_cast<std::int64_t>(place.file->size() / layout.row_bytes());
  if (file.places.max().item<std::int64_t>() >= layout.sizes[0]) {
    throw FileUnreadable(name + " are no longer whole; " + remedy);
  }
  const at::Tensor on_device = labels.defined() ? labels.to(device) : labels;
  Dataset stored{device, {}, StoredRows(place, layout), file.places, on_device};
  layout.sizes[0] = stored.count();
  if (!gpu_has_room(device, layout.bytes())) return stored;
  const auto piece = [&stored](const BatchRange& range) { return stored.images(range); };
  return {device, copy_in_pieces(layout, device, piece, check_stop), {}, {}, on_device};
}

}  // namespace torch_tl
