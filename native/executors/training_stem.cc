#include "executors/training_stem.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "executors/maps.h"
#include "executors/saved_tensors.h"
#include "executors/stem_lines.h"
#include "executors/threads.h"
#include "kernels/kernels.h"

namespace torch_tl {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** conv0's maps and their statistics over the batch. */
struct Convolved {
  Maps maps;
  NormStatistics statistics;
};

Convolved convolve(const Maps& x, const at::Tensor& conv) {
  const std::int64_t channels = conv.size(0);
  const at::Tensor panels = in_stem_panels(conv);
  const Maps maps(x.images(), channels, halved(x.height()), halved(x.width()));
  struct Worker {
    StemLines lines;
    at::Tensor line;  // [tiled width, channels]
    ChannelSums sums;
  };
  const auto make_worker = [&] {
    StemLines lines(x);
    at::Tensor line = at::empty({lines.tiled_width(), channels});
    return Worker{std::move(lines), std::move(line), ChannelSums(channels)};
  };
  Worker first = make_worker();
  first.lines.convolve(0, 0, panels, first.line.data_ptr<float>());
  const at::Tensor pivots = first.line[0];
  const auto workers =
      on_threads(maps.images() * maps.height(), make_worker, [&](Worker& worker, std::int64_t line) {
        worker.lines.convolve(line / maps.height(), line % maps.height(), panels,
                              worker.line.data_ptr<float>());
        float* row = maps.row(line * maps.width());
        std::copy_n(values(worker.line), maps.width() * channels, row);
        worker.sums.add_moments(row, channels, maps.width(), values(pivots));
      });
  return {maps, {total_of(workers, channels, &Worker::sums).totals(), pivots, maps.rows()}};
}

/** norm0, ReLU and max pool over conv0's maps, a line at a time. */
class Pool {
 public:
  Pool(Maps maps, ScaleAndShift norm)
      : maps_(std::move(maps)),
        norm_(std::move(norm)),
        scale_(values(norm_.scale)),
        shift_(values(norm_.shift)) {}

  std::int64_t height() const { return halved(maps_.height()); }
  std::int64_t width() const { return halved(maps_.width()); }

  /** Computes line `i`, counted over all images, as y [width, channels]. */
  void run(std::int64_t i, float* y) const {
    each_window(i, [&](const Window& window, std::int64_t offset) {
      kernels().max_scale_shift_relu(window.rows.data(), window.pixels.data(), scale_, shift_,
                                     maps_.channels(), y + offset);
    });
  }

  /** Adds to the sums that the norm's gradient needs, from the gradient dy of line `i`; does not flush. */
  void add_sums(std::int64_t i, const float* dy, const at::Tensor& mean, ChannelSums& sums) const {
    each_window(i, [&](const Window& window, std::int64_t offset) {
      kernels().sum_max_gradient(window.rows.data(), window.pixels.data(), scale_, shift_, values(mean),
                                 dy + offset, maps_.channels(), sums.first(), sums.second());
    });
  }

  /** Adds the gradient dy of line `i` to that of the norm's output; `dx(line)` is the line of the latter. */
  template <typename Line>
  void add_gradient(std::int64_t i, const float* dy, Line dx) const {
    const auto seen = pooled(i % height(), maps_.height());
    const std::array lines{dx(seen[0]), dx(seen[1]), dx(seen[2])};
    each_window(i, [&](const Window& window, std::int64_t offset) {
      kernels().add_max_gradient(window.rows.data(), window.pixels.data(), scale_, shift_, dy + offset,
                                 maps_.channels(), lines.data());
    });
  }

 private:
  /** A window of the pool, as the kernels take it. */
  struct Window {
    std::array<const float*, kPooled> rows;
    std::array<std::int64_t, kPooled> pixels;
  };

  /** Calls `run(window, offset of the pixel in its line)` for every pixel of line `i`. */
  template <typename Run>
  void each_window(std::int64_t i, Run run) const {
    const std::int64_t image = i / height();
    const auto lines = pooled(i % height(), maps_.height());
    Window window{};
    std::ranges::transform(lines, window.rows.begin(), [&](std::int64_t line) {
      return maps_.row((image * maps_.height() + line) * maps_.width());
    });
    for (std::int64_t column = 0; column < width(); ++column) {
      std::ranges::transform(pooled(column, maps_.width()), window.pixels.begin(),
                             [&](std::int64_t pixel) { return pixel * maps_.channels(); });
      run(window, column * maps_.channels());
    }
  }

  Maps maps_;
  ScaleAndShift norm_;
  const float* scale_;
  const float* shift_;
};

at::Tensor run_pool(const Pool& pool, const Maps& maps) {
  const Maps y(maps.images(), maps.channels(), pool.height(), pool.width());
  at::parallel_for(0, y.images() * y.height(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) pool.run(line, y.row(line * y.width()));
  });
  return y.tensor();
}

/** Values under a line of the kernel, and the multiple of 4 up to which accumulate_outer reads. */
constexpr std::int64_t kWindow = kStemKernel * kStemChannels;
constexpr std::int64_t kWindowColumns = (kWindow + 3) / 4 * 4;

/** The backward pass over one image after another. For one thread. */
class ImageBackward {
 public:
  ImageBackward(const Maps& x, const Maps& maps, const Pool& pool, const NormGradient& norm)
      : maps_(maps),
        pool_(pool),
        norm_(norm),
        lines_(x),
        gradient_(at::zeros({kPooled, maps.width(), maps.channels()})),
        conv_(at::zeros({kStemKernel, kWindowColumns, maps.channels()})) {}

  /** Adds an image's share of conv0's gradient. */
  void run(std::int64_t image, const Maps& dy) {
    std::int64_t pooled_line = 0;
    for (std::int64_t line = 0; line < maps_.height(); ++line) {
      for (; pooled_line < dy.height() && pooled(pooled_line, maps_.height()).front() <= line;
           ++pooled_line) {
        const std::int64_t i = image * dy.height() + pooled_line;
        pool_.add_gradient(i, dy.row(i * dy.width()), [this](std::int64_t seen) { return gradient(seen); });
      }
      differentiate(image, line);
    }
  }

  /** [kStemKernel, kWindowColumns, out] */
  const at::Tensor& conv() const { return conv_; }

 private:
  /** Goes back through norm0 and conv0, for a line that no further window of the pool reads. */
  void differentiate(std::int64_t image, std::int64_t line) {
    const std::int64_t channels = maps_.channels();
    const float* x = maps_.row((image * maps_.height() + line) * maps_.width());
    float* dx = gradient(line);
    for (std::int64_t i = 0; i < maps_.width() * channels; i += channels) norm_.run(dx + i, x + i, dx + i);
    const auto seen = lines_.under(image, line);
    for (std::int64_t y = 0; y < kStemKernel; ++y) {
      float* conv = conv_.data_ptr<float>() + y * conv_.stride(0);
      for (std::int64_t panel = 0; panel < channels; panel += kPanel) {
        kernels().accumulate_outer(seen.at(y), kStemStride * kStemChannels, kWindowColumns, dx + panel,
                                   channels, maps_.width(), conv + panel, channels);
      }
    }
    std::fill_n(dx, maps_.width() * channels, 0.0F);
  }

  float* gradient(std::int64_t line) {
    return gradient_.data_ptr<float>() + line % kPooled * gradient_.stride(0);
  }

  const Maps& maps_;
  const Pool& pool_;
  const NormGradient& norm_;
  StemLines lines_;
  at::Tensor gradient_;  // [kPooled, width, channels]: lines that a window may still read
  at::Tensor conv_;
};

ChannelSums sum_gradient(const Pool& pool, const Maps& dy, const NormStatistics& statistics) {
  const auto workers = on_threads(
      dy.images() * dy.height(), [&] { return ChannelSums(dy.channels()); },
      [&](ChannelSums& sums, std::int64_t line) {
        pool.add_sums(line, dy.row(line * dy.width()), statistics.mean, sums);
        sums.flush();
      });
  return total_of(workers, dy.channels());
}

/** The gradient of conv0's weight: [out, 3, 7, 7]. */
at::Tensor differentiate_conv(const Maps& x, const Maps& maps, const Pool& pool, const NormGradient& norm,
                              const Maps& dy) {
  const auto workers = on_threads(
      x.images(), [&] { return ImageBackward(x, maps, pool, norm); },
      [&](ImageBackward& worker, std::int64_t image) { worker.run(image, dy); });
  at::Tensor conv = at::zeros({kStemKernel, kWindowColumns, maps.channels()});
  for (const ImageBackward& worker : workers) conv.add_(worker.conv());
  return conv.narrow(1, 0, kWindow)
      .view({kStemKernel, kStemKernel, kStemChannels, maps.channels()})
      .permute({3, 2, 0, 1})
      .contiguous(at::MemoryFormat::ChannelsLast);
}

/** The tensors that the stem keeps for its backward pass. */
struct SavedStem {
  at::Tensor images;
  at::Tensor maps;  // conv0's
  at::Tensor norm_weight;
  at::Tensor norm_bias;
  at::Tensor conv;
  NormStatistics statistics;

  template <typename Visit>
  void each_tensor(Visit visit) {
    visit(images);
    visit(maps);
    visit(norm_weight);
    visit(norm_bias);
    visit(conv);
    statistics.each_tensor(visit);
  }
};

/** The stem as one node of autograd's graph. */
class StemNode : public torch::autograd::Function<StemNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& norm_weight,
                            const at::Tensor& norm_bias, const at::Tensor& conv, const NormTensors& norm) {
    const Maps images = maps_of(x);
    const auto [maps, batch] = convolve(images, conv);
    const NormStatistics statistics = training_statistics(norm, batch, maps.rows());
    save_tensors(*context,
                 SavedStem{images.tensor(), maps.tensor(), norm_weight, norm_bias, conv, statistics});
    return run_pool(Pool(maps, normalised(norm_weight, norm_bias, statistics)), maps);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = restore_tensors<SavedStem>(*context);
    const Maps maps(saved.maps);
    const Maps dy = maps_of(gradients[0]);
    const ScaleAndShift norm = normalised(saved.norm_weight, saved.norm_bias, saved.statistics);
    const Pool pool(maps, norm);
    const NormSums sums(sum_gradient(pool, dy, saved.statistics), norm, saved.statistics,
                        saved.norm_weight.requires_grad());
    const NormGradient to_maps(norm.scale, saved.statistics, sums.through_statistics, maps.rows());
    at::Tensor conv;
    if (saved.conv.requires_grad()) conv = differentiate_conv(Maps(saved.images), maps, pool, to_maps, dy);
    // For the arguments of `forward`: x needs none, and the norm's tensors are no tensor.
    return {/*x=*/{}, sums.weight, sums.bias, conv, /*norm=*/{}};
  }
};

}  // namespace

at::Tensor run_training(const StemTensors& stem, const at::Tensor& x) {
  return StemNode::apply(x, stem.norm.weight, stem.norm.bias, stem.conv, stem.norm);
}

}  // namespace torch_tl
