#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>

#include "data/dataset.h"

namespace torch_tl {

/** Some of the images in a file that holds only images, each uint8 [height, width, 3]. */
struct ImageFile {
  std::filesystem::path path;
  std::int64_t height;
  std::int64_t width;
  at::Tensor places;  // int64 [count]: which of the file's images, from 0 on
};

/**
 * Makes a data set of these images: on a GPU with room for them, else in the file, so that images that are
 * not in use need no memory. `labels` is int64 [count], or undefined. Throws FileUnreadable, also if the file
 * is too short, and what `check_stop` throws.
 */
Dataset open_image_file(const ImageFile& file, const at::Tensor& labels, const at::Device& device,
                        const std::function<void()>& check_stop);

}  // namespace torch_tl
