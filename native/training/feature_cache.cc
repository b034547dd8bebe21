#include "training/feature_cache.h"

#include <ATen/ops/empty.h>

#include <optional>
#include <utility>

#include "device/gpu.h"
#include "errors.h"
#include "training/feature_file.h"
#include "training/feature_pass.h"
#include "training/feature_rows.h"
#include "training/kept_caches.h"
#include "training/shared_features.h"

namespace torch_tl {
namespace {

/** Makes the cache of one set for this training alone. */
class OwnCache {
 public:
  /** `why_not_kept` is a clause, or empty if nobody asked for these features to be kept. */
  OwnCache(FeaturePass& pass, const CacheRequest& request, std::string why_not_kept)
      : pass_(pass),
        request_(request),
        why_not_kept_(std::move(why_not_kept)),
        layout_(pass.layout(request.data.count())) {}

  FeatureCache make() {
    const bool on_device = gpu_has_room(pass_.network().device(), layout_.bytes());
    return {pass_.ranks().alone() ? rows(on_device) : shared_rows(on_device), pass_.network(), pass_.cut()};
  }

 private:
  FeatureCache::Rows rows(bool on_device) {
    if (on_device) {
      report(CachePlace::kDevice, "it has room");
      return filled(at::TensorOptions(pass_.network().device()));
    }
    const std::string limit = "the " + std::to_string(pass_.memory_left()) + " bytes of memory for it";
    if (pass_.take_memory(layout_.bytes())) {
      report(CachePlace::kMemory, "it fits into " + limit);
      return filled(at::TensorOptions(at::kCPU));
    }
    report(CachePlace::kFile, "it is larger than " + limit);
    FeatureFile file(pass_.options().directory, layout_);
    file.make_private();
    run([&file](const BatchRange& range, const at::Tensor& batch) { file.write(range.begin, batch); });
    return GatheredRows(file.rows());
  }

  /** The rows that all ranks make together. */
  FeatureCache::Rows shared_rows(bool on_device) {
    report(on_device ? CachePlace::kDevice : CachePlace::kFile, "the processes of a machine share it");
    SharedFeatures file(pass_.ranks(), pass_.options().directory, layout_);
    run([&file](const BatchRange& range, const at::Tensor& batch) { file.write(range.begin, batch); });
    file.exchange(images_by_rank(request_.data.count(), pass_.extraction().batch_size, pass_.ranks()));
    const StoredRows rows = file.rows();
    if (!on_device) return GatheredRows(rows);
    const auto piece = [&rows](const BatchRange& range) { return rows.select(range); };
    return copy_in_pieces(layout_, pass_.network().device(), piece, [this] { pass_.check_stop(); });
  }

  at::Tensor filled(const at::TensorOptions& options) {
    at::Tensor rows = at::empty(layout_.sizes, options.dtype(layout_.type));
    run([&rows](const BatchRange& range, const at::Tensor& batch) {
      rows.narrow(0, range.begin, range.size()).copy_(batch);
    });
    return rows;
  }

  void run(const KeepBatch& keep) {
    const Network& network = pass_.network();
    const at::ScalarType precision = pass_.extraction().computation.precision;
    const auto images = [&](const BatchRange& range) {
      return network.preprocess(request_.data.images(range), precision);
    };
    pass_.run(request_.data.count(), images, keep);
  }

  void report(CachePlace place, const std::string& reason) const {
    CacheReport report;
    report.part = request_.part;
    report.place = place;
    report.bytes = static_cast<std::int64_t>(layout_.bytes());
    report.images = request_.data.count();
    report.computed = report.images;
    report.reason = reason;
    report.why_not_kept = why_not_kept_;
    pass_.report(report);
  }

  FeaturePass& pass_;
  const CacheRequest& request_;
  std::string why_not_kept_;
  RowsLayout layout_;
};

/** Sets whose features have one origin, so that they are looked for and computed together. */
struct SetsOfOrigin {
  std::vector<CacheRequest> requests;
  std::optional<KeptCaches> kept{};
  std::string why_not_kept{};
};

std::vector<SetsOfOrigin> by_origin(const std::vector<CacheRequest>& requests) {
  std::vector<SetsOfOrigin> groups;
  for (const CacheRequest& request : requests) {
    const CacheRequest* const last = groups.empty() ? nullptr : &groups.back().requests.back();
    const bool is_of_last = last != nullptr && last->keys != nullptr && request.keys != nullptr &&
                            last->keys->origin == request.keys->origin;
    if (!is_of_last) groups.push_back({});
    groups.back().requests.push_back(request);
  }
  return groups;
}

void look_for_kept(FeaturePass& pass, SetsOfOrigin& sets) {
  if (pass.options().kept && sets.requests.front().keys != nullptr) {
    sets.kept.emplace(pass, sets.requests);
    sets.why_not_kept = sets.kept->why_not();
    if (!sets.why_not_kept.empty()) sets.kept.reset();
  }
  if (sets.kept) {
    pass.expect(sets.kept->missing());
  } else {
    for (const CacheRequest& request : sets.requests) pass.expect(request.data.count());
  }
}

std::vector<FeatureCache> make_sets(FeaturePass& pass, SetsOfOrigin& sets) {
  if (sets.kept) {
    // Nobody has asked for the files in torch-tl's own cache: a training must not fail for them.
    const bool may_fail = !pass.options().kept->limit || !pass.ranks().alone();
    try {
      FeaturePass::Attempt attempt(pass);
      std::vector<FeatureCache> caches = sets.kept->make();
      attempt.succeed();
      return caches;
    } catch (const WriteFailed& error) {
      if (may_fail) throw;
      sets.why_not_kept = error.what();
    } catch (const FileUnreadable& error) {
      if (may_fail) throw;
      sets.why_not_kept = error.what();
    }
    pass.expect(-sets.kept->missing());
    for (const CacheRequest& request : sets.requests) pass.expect(request.data.count());
  }
  std::vector<FeatureCache> caches;
  for (const CacheRequest& request : sets.requests) {
    caches.push_back(OwnCache(pass, request, sets.why_not_kept).make());
  }
  return caches;
}

}  // namespace

at::Tensor FeatureCache::maps(const at::Tensor& indices) const {
  const auto* const stored = std::get_if<GatheredRows>(&rows_);
  if (stored != nullptr) return to_maps(stored->select(indices.to(at::kCPU)).to(indices.device()), format_);
  const auto& rows = std::get<at::Tensor>(rows_);
  return to_maps(rows.index_select(0, indices.to(rows.device())).to(indices.device()), format_);
}

std::vector<FeatureCache> make_caches(Network& network, std::size_t cut,
                                      const std::vector<CacheRequest>& requests,
                                      const FeatureCacheOptions& options, const Extraction& extraction,
                                      Ranks& ranks, Observer& observer) {
  FeaturePass pass(network, cut, requests.front().data, options, extraction, ranks, observer);
  std::vector<SetsOfOrigin> groups = by_origin(requests);
  for (SetsOfOrigin& sets : groups) look_for_kept(pass, sets);
  std::vector<FeatureCache> caches;
  for (SetsOfOrigin& sets : groups) {
    for (FeatureCache& cache : make_sets(pass, sets)) caches.push_back(std::move(cache));
  }
  return caches;
}

}  // namespace torch_tl
