#include "executors/fused_stem.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>

#include "executors/maps.h"
#include "executors/threads.h"
#include "kernels/kernels.h"

namespace torch_tl {
namespace {

constexpr std::int64_t kBorder = kStemKernel / 2;
/** Rows of the convolution that a row of the pool sees. */
constexpr std::int64_t kPooledRows = 3;

std::int64_t half(std::int64_t side) { return (side + 1) / 2; }

/** Makes lines of the result one after another, and keeps the lines in between that the next one sees too. */
class LineRunner {
 public:
  LineRunner(const FusedStem& stem, const Maps& x, const Maps& y)
      : stem_(stem),
        x_(x),
        y_(y),
        height_(half(x.height())),
        width_(half(x.width())),
        tiles_((width_ + kStemPixels - 1) / kStemPixels),
        padded_(
            at::zeros({kStemKernel, (tiles_ * kStemPixels - 1) * kStemStride + kStemKernel, kStemChannels})),
        convolved_(at::empty({kPooledRows, tiles_ * kStemPixels, y.channels()})) {}

  /** Writes the result's line `i` of all pictures' lines. */
  void run(std::int64_t i) {
    const std::int64_t line = i % y_.height();
    if (!started_ || line == 0) start(i / y_.height(), line);
    const std::int64_t last = std::min(2 * line + 1, height_ - 1);
    for (; next_convolved_ <= last; ++next_convolved_) convolve(next_convolved_);
    // Beyond the border is what is beside it, which leaves the greatest as it is.
    const std::array lines{convolved(std::max<std::int64_t>(2 * line - 1, 0)), convolved(2 * line),
                           convolved(last)};
    for (std::int64_t column = 0; column < y_.width(); ++column) {
      const std::array pixels{std::max<std::int64_t>(2 * column - 1, 0) * y_.channels(),
                              2 * column * y_.channels(),
                              std::min(2 * column + 1, width_ - 1) * y_.channels()};
      kernels().max_bias_relu(lines.data(), pixels.data(), values(stem_.bias), y_.channels(),
                              y_.row(i * y_.width() + column));
    }
  }

 private:
  /** The next lines are a picture's from `line` on. */
  void start(std::int64_t picture, std::int64_t line) {
    started_ = true;
    picture_ = picture;
    next_convolved_ = std::max<std::int64_t>(2 * line - 1, 0);
    next_padded_ = next_convolved_ * kStemStride - kBorder;
  }

  void convolve(std::int64_t line) {
    const std::int64_t first = line * kStemStride - kBorder;
    for (; next_padded_ < first + kStemKernel; ++next_padded_) pad(next_padded_);
    std::array<const float*, kStemKernel> lines{};
    for (std::int64_t y = 0; y < kStemKernel; ++y) lines.at(y) = padded(first + y);
    for (std::int64_t panel = 0; panel < stem_.conv.size(0); ++panel) {
      kernels().convolve_stem(lines.data(), values(stem_.conv) + panel * stem_.conv.stride(0), tiles_,
                              convolved(line) + panel * kPanel, y_.channels());
    }
  }

  /** Copies the picture's line between its borders; one above or below the picture is 0. */
  void pad(std::int64_t line) {
    float* inside = padded(line) + kBorder * kStemChannels;
    const std::int64_t size = x_.width() * kStemChannels;
    if (line < 0 || line >= x_.height()) {
      std::fill_n(inside, size, 0.0F);
    } else {
      std::copy_n(x_.row((picture_ * x_.height() + line) * x_.width()), size, inside);
    }
  }

  float* padded(std::int64_t line) {
    return padded_.data_ptr<float>() + (line + kBorder) % kStemKernel * padded_.stride(0);
  }
  float* convolved(std::int64_t line) {
    return convolved_.data_ptr<float>() + line % kPooledRows * convolved_.stride(0);
  }

  const FusedStem& stem_;
  const Maps& x_;
  const Maps& y_;
  std::int64_t height_;   // of the convolution's result
  std::int64_t width_;    // of the convolution's result
  std::int64_t tiles_;    // of a line of it, the last of which may reach beyond
  at::Tensor padded_;     // [kStemKernel, padded width, 3]: the picture's last lines; their borders stay 0
  at::Tensor convolved_;  // [kPooledRows, tiles * kStemPixels, channels]: the convolution's last lines
  bool started_ = false;
  std::int64_t picture_ = 0;
  std::int64_t next_padded_ = 0;
  std::int64_t next_convolved_ = 0;
};

}  // namespace

FusedStem::FusedStem(const at::Tensor& conv_, const ScaleAndShift& norm)
    : conv(in_panels(conv_.permute({2, 3, 1, 0}).flatten(0, 2).mul(norm.scale))), bias(norm.shift) {}

at::Tensor run_fused(const FusedStem& stem, const at::Tensor& x) {
  const Maps pictures(x.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast));
  const Maps y(x.size(0), stem.bias.size(0), half(half(x.size(2))), half(half(x.size(3))));
  on_threads(
      y.pictures() * y.height(), [&] { return LineRunner(stem, pictures, y); },
      [](LineRunner& runner, std::int64_t line) { runner.run(line); });
  return y.tensor();
}

}  // namespace torch_tl
