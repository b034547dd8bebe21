#include "training/kept_caches.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "device/gpu.h"
#include "training/feature_file.h"
#include "training/feature_format.h"
#include "training/shared_features.h"

namespace torch_tl {

KeptCaches::KeptCaches(FeaturePass& pass, std::vector<CacheRequest> requests)
    : pass_(pass), kept_(*pass.options().kept), requests_(std::move(requests)) {
  std::unordered_map<ImageKey, std::int64_t, ImageKeyHash> seen;
  for (std::size_t set = 0; set < requests_.size(); ++set) {
    std::vector<std::int64_t>& of_set = of_set_.emplace_back();
    for (const ImageKey& key : requests_[set].keys->images) {
      const auto [known, is_new] = seen.try_emplace(key, static_cast<std::int64_t>(keys_.size()));
      if (is_new) {
        images_.push_back({set, static_cast<std::int64_t>(of_set.size())});
        keys_.push_back(key);
      }
      of_set.push_back(known->second);
    }
  }
  const std::string& origin = requests_.front().keys->origin;
  found_ = find_features(kept_.directory, origin, pass_.layout(1), keys_);
  agree_on_found();
  for (std::int64_t image = 0; image < static_cast<std::int64_t>(images_.size()); ++image) {
    if (!is_found(image)) missing_.push_back(image);
  }
  if (missing_.empty()) return;
  why_not_ = why_not_kept(kept_, file_size(pass_.layout(missing())));
  if (!pass_.ranks().all(why_not_.empty()) && why_not_.empty()) why_not_ = "another process cannot keep them";
}

/** A rank that lacks features needs the others to compute them. */
void KeptCaches::agree_on_found() {
  if (pass_.ranks().alone()) return;
  const auto count = static_cast<std::int64_t>(images_.size());
  const at::Tensor mask = at::empty({count}, at::kByte);
  auto* const values = mask.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t image = 0; image < count; ++image) values[image] = is_found(image) ? 1 : 0;
  for (const at::Tensor& other : pass_.ranks().gather(mask)) {
    const auto* const found = other.const_data_ptr<std::uint8_t>();
    for (std::int64_t image = 0; image < count; ++image) {
      if (found[image] == 0) found_.places[image].file = FoundFeatures::kNowhere;
    }
  }
}

bool KeptCaches::is_found(std::int64_t image) const {
  return found_.places[image].file != FoundFeatures::kNowhere;
}

std::vector<FeatureCache> KeptCaches::make() {
  std::vector<CachePlace> places;
  for (const CacheRequest& request : requests_)
    places.push_back(place_of(pass_.layout(request.data.count())));
  const auto report = [&] {
    for (std::size_t set = 0; set < requests_.size(); ++set) pass_.report(report_of(set, places[set]));
  };
  if (missing_.empty()) {
    report();
  } else {
    const auto file = static_cast<std::int64_t>(found_.files.size());
    found_.files.push_back(compute(report));
    for (std::int64_t row = 0; row < missing(); ++row) found_.places[missing_[row]] = {file, row};
  }
  std::vector<FeatureCache> caches;
  for (std::size_t set = 0; set < requests_.size(); ++set) caches.push_back(cache(set, places[set]));
  return caches;
}

/** Where a set's features lie while it trains; their files may be used by others too. */
CachePlace KeptCaches::place_of(const RowsLayout& layout) {
  if (gpu_has_room(pass_.network().device(), layout.bytes())) return CachePlace::kDevice;
  // The processes of a machine share a file, and a directory of the user's stands in for memory.
  const bool may_copy = kept_.limit && pass_.ranks().alone();
  return may_copy && pass_.take_memory(layout.bytes()) ? CachePlace::kMemory : CachePlace::kFile;
}

CacheReport KeptCaches::report_of(std::size_t set, CachePlace place) const {
  const auto computed =
      std::ranges::count_if(missing_, [&](std::int64_t image) { return images_[image].set == set; });
  const auto& images = of_set_[set];
  const auto found = std::ranges::count_if(images, [&](std::int64_t image) { return is_found(image); });
  const auto count = static_cast<std::int64_t>(images.size());
  CacheReport report;
  report.part = requests_[set].part;
  report.place = place;
  report.bytes = static_cast<std::int64_t>(pass_.layout(count).bytes());
  report.images = count;
  report.computed = computed;
  report.reused = found == count;
  report.kept = kept_.directory;
  report.reason = (report.reused ? "found in " : "kept in ") + kept_.directory;
  if (!found_.fault.empty()) report.reason += "; made again, since " + found_.fault;
  return report;
}

/** Some of the missing images, which may be of several sets. */
at::Tensor KeptCaches::preprocessed(const BatchRange& missing) const {
  const at::ScalarType precision = pass_.extraction().computation.precision;
  std::vector<at::Tensor> pieces;
  std::int64_t begin = missing.begin;
  while (begin < missing.end) {
    const std::size_t set = images_[missing_[begin]].set;
    std::vector<std::int64_t> indices;
    for (; begin < missing.end && images_[missing_[begin]].set == set; ++begin) {
      indices.push_back(images_[missing_[begin]].index);
    }
    const Dataset& data = requests_[set].data;
    const at::Tensor pixels = data.images(at::tensor(indices, at::kLong).to(data.device));
    pieces.push_back(pass_.network().preprocess(pixels, precision));
  }
  return pieces.size() == 1 ? pieces.front() : at::cat(pieces);
}

/**
 * Computes the missing features and keeps them, as a file of their own. `report` is called once there is room
 * for it.
 */
StoredRows KeptCaches::compute(const std::function<void()>& report) {
  const CacheRequest& request = requests_.front();
  FeatureContent content{request.keys->origin, request.about, {}};
  for (const std::int64_t image : missing_) content.images.push_back(keys_[image]);
  const RowsLayout layout = pass_.layout(missing());
  const auto images = [this](const BatchRange& range) { return preprocessed(range); };
  if (pass_.ranks().alone()) {
    FeatureFile file(kept_.directory, layout);
    report();
    pass_.run(missing(), images,
              [&file](const BatchRange& range, const at::Tensor& batch) { file.write(range.begin, batch); });
    return file.keep(content);
  }
  SharedFeatures file(pass_.ranks(), kept_.directory, layout);
  report();
  pass_.run(missing(), images,
            [&file](const BatchRange& range, const at::Tensor& batch) { file.write(range.begin, batch); });
  file.exchange(images_by_rank(missing(), pass_.extraction().batch_size, pass_.ranks()));
  return file.keep(content);
}

FeatureCache KeptCaches::cache(std::size_t set, CachePlace place) const {
  std::vector<RowPlace> places;
  for (const std::int64_t image : of_set_[set]) places.push_back(found_.places[image]);
  const GatheredRows rows(found_.files, std::move(places));
  Network& network = pass_.network();
  if (place == CachePlace::kFile) return {rows, network, pass_.cut()};
  const RowsLayout layout = pass_.layout(requests_[set].data.count());
  const at::Device device = place == CachePlace::kDevice ? network.device() : at::Device(at::kCPU);
  const auto piece = [&rows](const BatchRange& range) { return rows.select(range); };
  return {copy_in_pieces(layout, device, piece, [this] { pass_.check_stop(); }), network, pass_.cut()};
}

}  // namespace torch_tl
