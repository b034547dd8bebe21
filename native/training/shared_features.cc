#include "training/shared_features.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>

#include <algorithm>

namespace torch_tl {
namespace {

/** Bytes that are sent at a time. */
constexpr std::size_t kPiece = std::size_t{64} << 20;

/** By rank, the first rank that sees the same directory of the same machine. */
std::vector<std::int64_t> leaders_of(Ranks& ranks, const std::string& directory) {
  std::vector<std::int64_t> places;
  for (const at::Tensor& place : ranks.gather(at::scalar_tensor(place_of(directory), at::kLong))) {
    places.push_back(place.item<std::int64_t>());
  }
  std::vector<std::int64_t> leaders;
  leaders.reserve(places.size());
  for (const std::int64_t place : places) {
    leaders.push_back(std::find(places.begin(), places.end(), place) - places.begin());
  }
  return leaders;
}

}  // namespace

SharedFeatures::SharedFeatures(Ranks& ranks, const std::string& directory, const RowsLayout& layout)
    : ranks_(ranks),
      layout_(layout),
      leaders_(leaders_of(ranks, directory)),
      leader_(leaders_[ranks.share().rank]) {
  if (leads()) file_.emplace(directory, layout);
  const std::vector<std::string> names = ranks.gather(leads() ? file_->name() : std::string());
  if (!leads()) file_.emplace(directory, layout, names[leader_]);
  ranks.meet();
}

void SharedFeatures::exchange(const std::vector<BatchRange>& written) {
  ranks_.meet();
  const bool is_everywhere = std::all_of(leaders_.begin(), leaders_.end(), [](auto one) { return one == 0; });
  if (is_everywhere) return;
  const StoredRows own = file_->rows();
  const auto most = static_cast<std::int64_t>(std::max<std::size_t>(kPiece / layout_.row_bytes(), 1));
  for (std::size_t rank = 0; rank < written.size(); ++rank) {
    const bool is_here = leaders_[rank] == leader_;
    for (std::int64_t begin = written[rank].begin; begin < written[rank].end; begin += most) {
      ranks_.check_stop();
      const BatchRange piece{begin, std::min(begin + most, written[rank].end)};
      auto sizes = layout_.sizes;
      sizes[0] = piece.size();
      const bool is_own = ranks_.share().rank == static_cast<std::int64_t>(rank);
      const at::Tensor rows = is_own ? own.select(piece) : at::empty(sizes, layout_.type);
      ranks_.broadcast({rows}, static_cast<int>(rank));
      if (leads() && !is_here) file_->write(piece.begin, rows);
      ranks_.meet();
    }
  }
}

StoredRows SharedFeatures::rows() {
  // All have opened it.
  if (leads()) file_->make_private();
  return file_->rows();
}

StoredRows SharedFeatures::keep(const FeatureContent& content) {
  if (leads()) file_->keep(content);
  ranks_.meet();
  return file_->kept(content);
}

}  // namespace torch_tl
