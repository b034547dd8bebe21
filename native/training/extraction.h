#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "data/batches.h"
#include "data/dataset.h"
#include "model/network.h"
#include "training/ranks.h"

namespace torch_tl {

/** How to run a network over a whole set of images in evaluation mode. */
struct Extraction {
  Computation computation;
  std::int64_t batch_size = 128;
  /** Called after every batch, with the number of images that are done. */
  std::function<void(std::int64_t)> on_progress;
};

/*
 * Several ranks share the batches out. Stops where `Ranks::check_stop` says so.
 */

/** Computes the backbone's last maps, in the data's order: [count, 1024, h, w], in the given precision. Every
 * rank gets all of them. */
at::Tensor extract_features(Network& network, const Dataset& data, const Extraction& extraction,
                            Ranks& ranks);

/** Takes the output for a batch, which is valid until the next batch. */
using KeepBatch = std::function<void(const BatchRange&, const at::Tensor&)>;

/** Returns preprocessed images of a range, [n, 3, side, side]. */
using ImagesOf = std::function<at::Tensor(const BatchRange&)>;

/**
 * Computes the maps of `count` images at a cut and passes them to `keep` batch by batch, as rows
 * (training/feature_rows.h) on the network's device. Every rank gets the batches of its own.
 */
void extract_rows(Network& network, std::int64_t count, const ImagesOf& images, std::size_t cut,
                  const Extraction& extraction, Ranks& ranks, const KeepBatch& keep);
/** The images whose rows each rank gets, by rank. */
std::vector<BatchRange> images_by_rank(std::int64_t count, std::int64_t batch_size, const Ranks& ranks);

/** Computes logits in the data's order: float32 [count, classes]. Every rank gets all of them. */
at::Tensor extract_logits(Network& network, const Dataset& data, const Extraction& extraction, Ranks& ranks);

}  // namespace torch_tl
