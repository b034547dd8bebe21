#include "executors/stem_lines.h"

#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>

#include "executors/packed.h"

namespace torch_tl {
namespace {

constexpr std::int64_t kBorder = kStemKernel / 2;

}  // namespace

at::Tensor in_stem_panels(const at::Tensor& conv) {
  return in_panels(conv.permute({2, 3, 1, 0}).flatten(0, 2));
}

StemLines::StemLines(const Maps& images)
    : images_(images),
      tiles_(at::divup(width(), kStemPixels)),
      padded_(at::zeros({kStemKernel, (tiled_width() - 1) * kStemStride + kStemKernel + 1, kStemChannels})) {}

std::array<const float*, kStemKernel> StemLines::under(std::int64_t image, std::int64_t line) {
  const std::int64_t first = line * kStemStride - kBorder;
  const bool goes_on = image == image_ && first >= first_;
  const std::int64_t next = goes_on ? std::max(first, first_ + kStemKernel) : first;
  for (std::int64_t i = next; i < first + kStemKernel; ++i) pad(image, i);
  image_ = image;
  first_ = first;
  std::array<const float*, kStemKernel> lines{};
  for (std::int64_t y = 0; y < kStemKernel; ++y) lines.at(y) = padded(first + y);
  return lines;
}

void StemLines::convolve(std::int64_t image, std::int64_t line, const at::Tensor& conv, float* out) {
  const auto lines = under(image, line);
  const std::int64_t panels = conv.size(0);
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    kernels().convolve_stem(lines.data(), values(conv) + panel * conv.stride(0), tiles_, out + panel * kPanel,
                            panels * kPanel);
  }
}

/** Copies a line of the image between its borders; a line above or below the image is 0. */
void StemLines::pad(std::int64_t image, std::int64_t line) {
  float* inside = padded(line) + kBorder * kStemChannels;
  const std::int64_t size = images_.width() * kStemChannels;
  if (line < 0 || line >= images_.height()) {
    std::fill_n(inside, size, 0.0F);
  } else {
    std::copy_n(images_.row((image * images_.height() + line) * images_.width()), size, inside);
  }
}

float* StemLines::padded(std::int64_t line) {
  return padded_.data_ptr<float>() + (line + kBorder) % kStemKernel * padded_.stride(0);
}

}  // namespace torch_tl
