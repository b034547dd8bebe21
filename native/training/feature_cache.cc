#include "training/feature_cache.h"

#include <ATen/ops/empty.h>

#include <utility>

#include "device/gpu.h"
#include "training/feature_file.h"
#include "training/feature_rows.h"
#include "training/shared_features.h"
#include "training/stopwatch.h"

namespace torch_tl {
namespace {

/** The layout of one image's row, which is the same for all images of all sets. */
RowsLayout layout_of_row(Network& network, std::size_t cut, const Dataset& data,
                         const Computation& computation) {
  const at::Tensor image = network.preprocess(data.images(BatchRange{0, 1}), computation.precision);
  const at::Tensor row = to_rows(network.prefix(image, cut, computation), network.cut_format(cut));
  return {row.sizes().vec(), row.scalar_type()};
}

/** The state of one set while its cache is made. */
struct Entry {
  const CacheRequest& request;
  RowsLayout layout;
  FoundFeatures found;
};

/** Makes the caches of one training, which share the memory limit and the progress. */
class CacheMaker {
 public:
  CacheMaker(Network& network, std::size_t cut, RowsLayout row, const FeatureCacheOptions& options,
             const Extraction& extraction, Ranks& ranks, Observer& observer)
      : network_(network),
        cut_(cut),
        row_(std::move(row)),
        options_(options),
        extraction_(extraction),
        ranks_(ranks),
        observer_(observer),
        memory_left_(options.memory_limit) {}

  Entry find(const CacheRequest& request) {
    Entry entry{request, row_, {}};
    entry.layout.sizes[0] = request.data.count();
    if (!request.key.empty()) {
      entry.found = find_feature_file(options_.directory, request.key, entry.layout);
    }
    // A rank that lacks them needs the others to compute.
    if (!ranks_.all(entry.found.rows.has_value())) entry.found.rows.reset();
    if (!entry.found.rows) total_ += request.data.count();
    return entry;
  }

  FeatureCache make(const Entry& entry) {
    const bool on_device = gpu_has_room(network_.device(), entry.layout.bytes());
    if (entry.request.key.empty() && ranks_.alone()) return {new_rows(entry, on_device), network_, cut_};
    const StoredRows rows = stored_rows(entry, on_device ? CachePlace::kDevice : CachePlace::kFile);
    if (!on_device) return {rows, network_, cut_};
    const auto piece = [&rows](const BatchRange& range) { return rows.select(range); };
    // What one rank copies is no affair of the others: they stop at the next batch.
    const auto check_stop = [this] {
      if (ranks_.alone()) ranks_.check_stop();
    };
    return {copy_in_pieces(entry.layout, network_.device(), piece, check_stop), network_, cut_};
  }

 private:
  /** The rows that were found, or that are made in a file, and kept if they have a key. */
  StoredRows stored_rows(const Entry& entry, CachePlace place) {
    if (entry.found.rows) {
      report(entry, place, "found in " + options_.directory);
      return *entry.found.rows;
    }
    const bool is_kept = !entry.request.key.empty();
    report(entry, place, is_kept ? "kept in " + options_.directory : "the processes of a machine share it");
    if (!ranks_.alone()) return shared_rows(entry);
    FeatureFile file(options_.directory, entry.layout);
    fill(file, entry);
    return file.keep(entry.request.key);
  }

  /** The rows that all ranks make together. */
  StoredRows shared_rows(const Entry& entry) {
    const CacheRequest& request = entry.request;
    SharedFeatures file(ranks_, options_.directory, entry.layout);
    run(entry, [&file](const BatchRange& range, const at::Tensor& batch) { file.write(range.begin, batch); });
    file.exchange(images_by_rank(request.data.count(), extraction_.batch_size, ranks_));
    return request.key.empty() ? file.rows() : file.keep(request.key);
  }

  FeatureCache::Rows new_rows(const Entry& entry, bool on_device) {
    const RowsLayout& layout = entry.layout;
    const auto bytes = static_cast<std::int64_t>(layout.bytes());
    if (on_device) {
      report(entry, CachePlace::kDevice, "it has room");
      return filled(at::empty(layout.sizes, at::TensorOptions(network_.device()).dtype(layout.type)), entry);
    }
    const std::string limit = "the " + std::to_string(memory_left_) + " bytes of memory for it";
    if (bytes <= memory_left_) {
      report(entry, CachePlace::kMemory, "it fits into " + limit);
      memory_left_ -= bytes;
      return filled(at::empty(layout.sizes, layout.type), entry);
    }
    report(entry, CachePlace::kFile, "it is larger than " + limit);
    FeatureFile file(options_.directory, layout);
    file.make_private();
    fill(file, entry);
    return file.rows();
  }

  at::Tensor filled(at::Tensor rows, const Entry& entry) {
    run(entry, [&rows](const BatchRange& range, const at::Tensor& batch) {
      rows.narrow(0, range.begin, range.size()).copy_(batch);
    });
    return rows;
  }

  void fill(FeatureFile& file, const Entry& entry) {
    run(entry, [&file](const BatchRange&, const at::Tensor& batch) { file.append(batch); });
  }

  void run(const Entry& entry, const KeepBatch& keep) {
    Extraction extraction = extraction_;
    extraction.on_progress = [this](std::int64_t done) {
      observer_.on_features(done_ + done, total_, stopwatch_.seconds());
    };
    extract_rows(network_, entry.request.data, cut_, extraction, ranks_, keep);
    done_ += entry.request.data.count();
  }

  void report(const Entry& entry, CachePlace place, std::string reason) {
    if (!entry.found.fault.empty()) reason += "; made again, since " + entry.found.fault;
    observer_.on_cache({entry.request.part, network_.cut_name(cut_), place,
                        static_cast<std::int64_t>(entry.layout.bytes()), entry.found.rows.has_value(),
                        std::move(reason)});
  }

  Network& network_;
  std::size_t cut_;
  RowsLayout row_;
  const FeatureCacheOptions& options_;
  const Extraction& extraction_;
  Ranks& ranks_;
  Observer& observer_;
  std::int64_t memory_left_;
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
  Stopwatch stopwatch_;
};

}  // namespace

at::Tensor FeatureCache::maps(const at::Tensor& indices) const {
  const auto* const stored = std::get_if<StoredRows>(&rows_);
  if (stored != nullptr) return to_maps(stored->select(indices.to(at::kCPU)).to(indices.device()), format_);
  const auto& rows = std::get<at::Tensor>(rows_);
  return to_maps(rows.index_select(0, indices.to(rows.device())).to(indices.device()), format_);
}

std::vector<FeatureCache> make_caches(Network& network, std::size_t cut,
                                      const std::vector<CacheRequest>& requests,
                                      const FeatureCacheOptions& options, const Extraction& extraction,
                                      Ranks& ranks, Observer& observer) {
  RowsLayout row = layout_of_row(network, cut, requests.front().data, extraction.computation);
  CacheMaker maker(network, cut, std::move(row), options, extraction, ranks, observer);
  std::vector<Entry> entries;
  entries.reserve(requests.size());
  for (const CacheRequest& request : requests) entries.push_back(maker.find(request));
  std::vector<FeatureCache> caches;
  caches.reserve(requests.size());
  for (const Entry& entry : entries) caches.push_back(maker.make(entry));
  return caches;
}

}  // namespace torch_tl
