#include "training/feature_pass.h"

#include <utility>

#include "training/feature_rows.h"

namespace torch_tl {
namespace {

/** The layout of one image's row, which is the same for all images of all sets. */
RowsLayout layout_of_row(Network& network, std::size_t cut, const Dataset& data,
                         const Computation& computation) {
  const at::Tensor image = network.preprocess(data.images(BatchRange{0, 1}), computation.precision);
  const at::Tensor row = to_rows(network.prefix(image, cut, computation), network.cut_format(cut));
  return {row.sizes().vec(), row.scalar_type()};
}

}  // namespace

FeaturePass::FeaturePass(Network& network, std::size_t cut, const Dataset& image,
                         const FeatureCacheOptions& options, const Extraction& extraction, Ranks& ranks,
                         Observer& observer)
    : network_(network),
      cut_(cut),
      row_(layout_of_row(network, cut, image, extraction.computation)),
      options_(options),
      extraction_(extraction),
      ranks_(ranks),
      observer_(observer),
      state_{.memory_left = options.memory_limit} {}

RowsLayout FeaturePass::layout(std::int64_t count) const {
  RowsLayout layout = row_;
  layout.sizes[0] = count;
  return layout;
}

bool FeaturePass::take_memory(std::size_t bytes) {
  if (static_cast<std::int64_t>(bytes) > state_.memory_left) return false;
  state_.memory_left -= static_cast<std::int64_t>(bytes);
  return true;
}

void FeaturePass::run(std::int64_t count, const ImagesOf& images, const KeepBatch& keep) {
  Extraction extraction = extraction_;
  extraction.on_progress = [this](std::int64_t done) {
    observer_.on_features(state_.done + done, state_.total, stopwatch_.seconds());
  };
  extract_rows(network_, count, images, cut_, extraction, ranks_, keep);
  state_.done += count;
}

void FeaturePass::report(CacheReport report) const {
  report.cut = network_.cut_name(cut_);
  observer_.on_cache(report);
}

void FeaturePass::check_stop() const {
  if (ranks_.alone()) ranks_.check_stop();
}

}  // namespace torch_tl
