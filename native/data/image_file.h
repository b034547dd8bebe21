#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>

#include "data/dataset.h"

namespace torch_tl {

/** Some of the images in a file that holds nothing else, each uint8 [height, width, 3]. */
struct ImageFile {
  std::filesystem::path path;
  std::int64_t height;
  std::int64_t width;
  at::Tensor places;  // int64 [count], from 0 on
};

/**
 * A data set of them: on a GPU that has room for it, else in the file, so that what is not in use needs no
 * memory. Throws FileUnreadable, also where it has not all of them, and what `check_stop` throws.
 */
Dataset open_image_file(const ImageFile& file, const at::Tensor& labels, const at::Device& device,
                          const std::function<void()>& check_stop);

}  // namespace torch_tl
