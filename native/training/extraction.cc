#include "training/extraction.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "data/batches.h"
#include "device/captured_work.h"
#include "device/gpu.h"
#include "training/feature_rows.h"

namespace torch_tl {
namespace {

/** Computes each batch's output from its preprocessed images, and passes it to `keep`. */
template <typename Compute>
void extract(const Network& network, std::int64_t images_in_all, const ImagesOf& images_of,
             const Extraction& extraction, Ranks& ranks, Compute compute, const KeepBatch& keep) {
  const at::NoGradGuard no_grad;
  CapturedWork computed(network.device(),
                        [&compute](const auto& inputs) { return CapturedWork::Tensors{compute(inputs[0])}; });
  const std::vector<BatchRange> ranges = batch_ranges(images_in_all, extraction.batch_size);
  const auto count = static_cast<std::int64_t>(ranges.size());
  const BatchRange own = ranks.share().batches(count, ranks.share().rank);
  // Rank 0 has the most.
  const std::int64_t rounds = ranks.share().batches(count, 0).size();
  std::int64_t done = 0;
  for (std::int64_t round = 0; round < rounds; ++round) {
    double images = 0;
    if (round < own.size()) {
      const BatchRange& range = ranges[own.begin + round];
      keep(range, computed({images_of(range)}).outputs[0]);
      images = static_cast<double>(range.size());
    }
    // A GPU lags behind: wait for it before the last report, so that this and its time are true.
    if (round + 1 == rounds) synchronise(network.device());
    ranks.sum({&images, 1});
    done += static_cast<std::int64_t>(images);
    extraction.on_progress(done);
    ranks.check_stop();
  }
}

/** Likewise, into one tensor: on the network's device, or with several ranks on the host. */
template <typename Compute>
at::Tensor extract_all(const Network& network, const Dataset& data, const Extraction& extraction,
                       Ranks& ranks, Compute compute) {
  at::Tensor all;
  const auto make_like = [&](const at::Tensor& batch) {
    auto shape = batch.sizes().vec();
    shape[0] = data.count();
    all = at::empty(shape, ranks.alone() ? batch.options() : batch.options().device(at::kCPU));
  };
  const auto images_of = [&](const BatchRange& range) {
    return network.preprocess(data.images(range), extraction.computation.precision);
  };
  const auto keep = [&](const BatchRange& range, const at::Tensor& batch) {
    if (!all.defined()) make_like(batch);
    all.narrow(0, range.begin, range.size()).copy_(batch);
  };
  extract(network, data.count(), images_of, extraction, ranks, compute, keep);
  if (ranks.alone()) return all;
  if (!all.defined()) {
    const at::NoGradGuard no_grad;
    make_like(compute(images_of(BatchRange{0, 1})));
  }
  int rank = 0;
  for (const BatchRange& images : images_by_rank(data.count(), extraction.batch_size, ranks)) {
    if (images.size() > 0) ranks.broadcast({all.narrow(0, images.begin, images.size())}, rank);
    ++rank;
  }
  return all;
}

}  // namespace

std::vector<BatchRange> images_by_rank(std::int64_t count, std::int64_t batch_size, const Ranks& ranks) {
  const auto batches = static_cast<std::int64_t>(batch_ranges(count, batch_size).size());
  std::vector<BatchRange> images;
  for (std::int64_t rank = 0; rank < ranks.share().size; ++rank) {
    const BatchRange own = ranks.share().batches(batches, rank);
    images.push_back({std::min(own.begin * batch_size, count), std::min(own.end * batch_size, count)});
  }
  return images;
}

at::Tensor extract_features(Network& network, const Dataset& data, const Extraction& extraction,
                            Ranks& ranks) {
  const ForwardContext evaluation(extraction.computation);
  return extract_all(network, data, extraction, ranks,
                     [&](const at::Tensor& images) { return network.features(images, evaluation); });
}

void extract_rows(Network& network, std::int64_t count, const ImagesOf& images, std::size_t cut,
                  const Extraction& extraction, Ranks& ranks, const KeepBatch& keep) {
  const auto rows = [&](const at::Tensor& batch) {
    return to_rows(network.prefix(batch, cut, extraction.computation), network.cut_format(cut));
  };
  extract(network, count, images, extraction, ranks, rows, keep);
}

at::Tensor extract_logits(Network& network, const Dataset& data, const Extraction& extraction, Ranks& ranks) {
  const ForwardContext evaluation(extraction.computation);
  return extract_all(network, data, extraction, ranks, [&](const at::Tensor& images) {
    return network.logits(network.features(images, evaluation), evaluation);
  });
}

}  // namespace torch_tl
