#include "executors/inference_block.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "executors/convolution.h"
#include "executors/maps.h"
#include "executors/packed.h"
#include "executors/padded_map.h"
#include "executors/staged_rows.h"
#include "kernels/kernels.h"

namespace torch_tl {
namespace {

/** Bytes of maps that stay in a thread's cache: limits how many images go through a layer together. */
constexpr std::int64_t kGroupBytes = 3 << 19;

/** Runs parts of layers, with its scratch memory. For one thread. */
class PartRunner {
 public:
  PartRunner(const Maps& maps, std::int64_t bottleneck, std::int64_t growth, at::ScalarType precision)
      : map_(maps.padded()),
        channels_(maps.channels()),
        bottleneck_(bottleneck),
        staged_(kRows * channels_, precision),
        product_(at::empty({kRows, bottleneck_})),
        // The analyser does not look into this constructor.
        // NOLINTNEXTLINE(clang-analyzer-optin.cplusplus.UninitializedObject)
        convolution_(map_, bottleneck, growth) {}

  /**
   * Runs norm1 to relu2 for at most kRows pixels of `maps` and some panels of conv1, into the padded maps.
   */
  void make_bottleneck(const InferenceDenseLayer& layer, const float* maps, Range pixels, Range panels,
                       float* padded) {
    auto* product = product_.data_ptr<float>();
    const std::int64_t first = panels.begin * kPanel;
    const float* bias = values(layer.bias) + first;
    staged_.run(layer.norm1, maps + pixels.begin * channels_, channels_, pixels.size());
    staged_.multiply(layer.conv1, panels, pixels.size(), product);
    for (std::int64_t row = 0; row < pixels.size(); ++row) {
      kernels().bias_relu(product + row * bottleneck_ + first, bias, panels.size() * kPanel,
                          padded + map_.place(pixels.begin + row) * bottleneck_ + first);
    }
  }

  /** Runs conv2 for whole images. */
  void convolve(const InferenceDenseLayer& layer, const float* padded, std::int64_t images, float* maps) {
    convolution_.run(padded, layer.conv2, images, maps + layer.in(), channels_);
  }

  /** Runs conv2 for some tiles of the images and some of its panels. */
  void convolve(const InferenceDenseLayer& layer, const float* padded, Range tiles, Range panels,
                float* maps) {
    convolution_.run(padded, layer.conv2, tiles, panels, maps + layer.in(), channels_);
  }

 private:
  PaddedMap map_;
  std::int64_t channels_;
  std::int64_t bottleneck_;
  StagedRows staged_;   // [kRows, in]
  at::Tensor product_;  // [kRows, bottleneck]
  Convolution convolution_;
};

/** Runs a block in place: the first channels of `maps` are its input. */
class BlockRunner {
 public:
  BlockRunner(const std::vector<const InferenceDenseLayer*>& layers, const Maps& maps)
      : layers_(layers),
        maps_(maps),
        map_(maps.padded()),
        bottleneck_(layers.front()->bias.size(0)),
        growth_(layers.front()->conv2.size(1) * kPanel) {}

  /** Each thread takes groups of images through all layers. */
  void run_by_images(const EvenRanges& groups) const {
    at::parallel_for(0, groups.count(), 1, [&](std::int64_t begin, std::int64_t end) {
      PartRunner runner = part_runner();
      const at::Tensor padded = padded_maps(groups.largest());
      for (std::int64_t i = begin; i < end; ++i) run_group(runner, groups[i], padded.data_ptr<float>());
    });
  }

  /** All threads share the work of each layer, image by image: for fewer images than threads. */
  void run_by_parts() const {
    const int threads = at::get_num_threads();
    std::vector<PartRunner> runners;
    runners.reserve(threads);
    for (int thread = 0; thread < threads; ++thread) runners.push_back(part_runner());
    const std::int64_t tiles = std::min(kTilesAtOnce, at::divup(map_.tiles(), threads));
    const at::Tensor padded = padded_maps(1);
    auto* inside = padded.data_ptr<float>();
    for (std::int64_t image = 0; image < maps_.images(); ++image) {
      float* maps = maps_.row(image * maps_.pixels());
      for (const InferenceDenseLayer* layer : layers_) {
        in_parts(maps_.pixels(), kRows, bottleneck_ / kPanel, [&](Range pixels, Range panels) {
          runners[at::get_thread_num()].make_bottleneck(*layer, maps, pixels, panels, inside);
        });
        in_parts(map_.tiles(), tiles, growth_ / kPanel, [&](Range part, Range panels) {
          runners[at::get_thread_num()].convolve(*layer, inside, part, panels, maps);
        });
      }
    }
  }

 private:
  PartRunner part_runner() const {
    return {maps_, bottleneck_, growth_, layers_.front()->conv1.scalar_type()};
  }
  /** Maps of zeros, whose borders stay so. */
  at::Tensor padded_maps(std::int64_t images) const {
    return at::zeros({images, map_.pixels(), bottleneck_});
  }

  void run_group(PartRunner& runner, Range images, float* padded) const {
    float* maps = maps_.row(images.begin * maps_.pixels());
    const std::int64_t pixels = images.size() * maps_.pixels();
    for (const InferenceDenseLayer* layer : layers_) {
      for (std::int64_t begin = 0; begin < pixels; begin += kRows) {
        runner.make_bottleneck(*layer, maps, {begin, std::min(begin + kRows, pixels)},
                               {0, bottleneck_ / kPanel}, padded);
      }
      runner.convolve(*layer, padded, images.size(), maps);
    }
  }

  /**
   * Calls `run` on all threads for equal chunks of [0, count) of at most `largest`, the same number for each
   * thread; with fewer chunks than threads it also divides the panels.
   */
  template <typename Run>
  static void in_parts(std::int64_t count, std::int64_t largest, std::int64_t panels, Run run) {
    const std::int64_t threads = at::get_num_threads();
    std::int64_t chunks = at::divup(count, largest);
    if (chunks > threads) chunks = multiple_of_threads(chunks);
    const std::int64_t splits = std::clamp<std::int64_t>(threads / chunks, 1, panels);
    at::parallel_for(0, chunks * splits, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        run(part_of(count, i / splits, chunks), part_of(panels, i % splits, splits));
      }
    });
  }

  const std::vector<const InferenceDenseLayer*>& layers_;
  const Maps& maps_;
  PaddedMap map_;
  std::int64_t bottleneck_;
  std::int64_t growth_;
};

}  // namespace

InferenceDenseLayer prepare_inference(const DenseLayerTensors& layer, at::ScalarType precision) {
  const ScaleAndShift norm2 = evaluated(layer.norm2);
  return {NormRelu(evaluated(layer.norm1)), in_panels(layer.conv1.flatten(1).t().mul(norm2.scale), precision),
          norm2.shift, in_tile_panels(layer.conv2)};
}

at::Tensor run_inference(const std::vector<const InferenceDenseLayer*>& layers, const at::Tensor& x) {
  const std::int64_t growth = layers.front()->conv2.size(1) * kPanel;
  const std::int64_t channels = x.size(1) + growth * static_cast<std::int64_t>(layers.size());
  const Maps maps(x.size(0), channels, x.size(2), x.size(3));
  maps.tensor().narrow(1, 0, x.size(1)).copy_(x);
  const std::int64_t bytes = channels * maps.pixels() * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t threads = at::get_num_threads();
  const BlockRunner runner(layers, maps);
  if (maps.images() < threads) {
    runner.run_by_parts();
  } else {
    runner.run_by_images(EvenRanges(maps.images(), std::max<std::int64_t>(kGroupBytes / bytes, 1)));
  }
  return maps.tensor();
}

}  // namespace torch_tl
