#include "executors/inference_stem.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>

#include "executors/maps.h"
#include "executors/norm.h"
#include "executors/stem_lines.h"
#include "executors/threads.h"
#include "kernels/kernels.h"

namespace torch_tl {
namespace {

/** Computes lines of the result one after another, and keeps the convolved lines that the next one reads. */
class LineRunner {
 public:
  LineRunner(const InferenceStem& stem, const Maps& x, const Maps& y)
      : stem_(stem), y_(y), lines_(x), convolved_(at::empty({kPooled, lines_.tiled_width(), y.channels()})) {}

  /** Computes line `i`, counted over the results of all images. */
  void run(std::int64_t i) {
    const std::int64_t image = i / y_.height();
    const auto seen = pooled(i % y_.height(), lines_.height());
    if (image != image_) next_ = seen.front();
    image_ = image;
    for (; next_ <= seen.back(); ++next_) lines_.convolve(image, next_, stem_.conv, convolved(next_));
    const std::array rows{convolved(seen[0]), convolved(seen[1]), convolved(seen[2])};
    for (std::int64_t column = 0; column < y_.width(); ++column) {
      auto pixels = pooled(column, lines_.width());
      for (std::int64_t& pixel : pixels) pixel *= y_.channels();
      kernels().max_bias_relu(rows.data(), pixels.data(), values(stem_.bias), y_.channels(),
                              y_.row(i * y_.width() + column));
    }
  }

 private:
  float* convolved(std::int64_t line) {
    return convolved_.data_ptr<float>() + line % kPooled * convolved_.stride(0);
  }

  const InferenceStem& stem_;
  const Maps& y_;
  StemLines lines_;
  at::Tensor convolved_;  // [kPooled, tiled width, channels]: the last lines
  std::int64_t image_ = -1;
  std::int64_t next_ = 0;  // the next line of the image to convolve
};

}  // namespace

InferenceStem prepare_inference(const StemTensors& stem) {
  const ScaleAndShift norm = evaluated(stem.norm);
  return {in_stem_panels(stem.conv.mul(norm.scale.reshape({-1, 1, 1, 1}))), norm.shift};
}

at::Tensor run_inference(const InferenceStem& stem, const at::Tensor& x) {
  const Maps images = maps_of(x);
  const Maps y(x.size(0), stem.bias.size(0), halved(halved(x.size(2))), halved(halved(x.size(3))));
  on_threads(
      y.images() * y.height(), [&] { return LineRunner(stem, images, y); },
      [](LineRunner& runner, std::int64_t line) { runner.run(line); });
  return y.tensor();
}

}  // namespace torch_tl
