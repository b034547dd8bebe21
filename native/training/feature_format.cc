#include "training/feature_format.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <iomanip>
#include <sstream>

namespace torch_tl {
namespace {

constexpr std::size_t kPage = 4096;  // of the text; so that rows are aligned, also of all before them
constexpr const char* kFirstLine = "torch-tl features 2";
constexpr std::size_t kLongestAbout = 3000;
/** Hexadecimal digits of the origin in a file's name; the text has all of them. */
constexpr std::size_t kNameDigits = 32;
/** Bytes of rows that are worth a thread. */
constexpr std::size_t kGrain = std::size_t{1} << 20;

/** What the table has for each row. */
struct TableEntry {
  ImageKey key;
  std::uint64_t hash;
};
static_assert(sizeof(TableEntry) == 24);

std::size_t table_size(std::int64_t count) { return static_cast<std::size_t>(count) * sizeof(TableEntry); }

std::string type_and_sizes(const RowsLayout& layout) {
  std::ostringstream text;
  text << "type " << c10::toString(layout.type) << "\nsizes";
  for (const std::int64_t size : layout.sizes) text << ' ' << size;
  return text.str();
}

/** What the first page has after a word that begins a line; empty if no line does. */
std::string line_of(const std::string& page, const std::string& word) {
  const std::size_t begin = page.find('\n' + word + ' ');
  if (begin == std::string::npos) return {};
  const std::size_t value = begin + word.size() + 2;
  return page.substr(value, page.find('\n', value) - value);
}

std::int64_t count_in(const std::string& page) {
  std::int64_t count = 0;
  std::istringstream(line_of(page, "sizes")) >> count;
  return count;
}

}  // namespace

std::uint64_t words_hash(const void* data, std::size_t size, std::uint64_t seed) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  const auto* const bytes = static_cast<const std::uint8_t*>(data);
  std::uint64_t value = seed;
  for (std::size_t i = 0; i < size; i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min(sizeof word, size - i));
    value = (value ^ word) * kPrime;
  }
  return value;
}

std::string name_prefix(const std::string& origin) { return origin.substr(0, kNameDigits) + '-'; }

std::string file_name(const FeatureContent& content) {
  std::ostringstream name;
  name << name_prefix(content.origin) << std::hex << std::setw(16) << std::setfill('0')
       << words_hash(content.images.data(), content.images.size() * sizeof(ImageKey)) << ".features";
  return name.str();
}

std::size_t rows_offset(std::int64_t count) {
  return kPage + (table_size(count) + kPage - 1) / kPage * kPage;
}

std::size_t file_size(const RowsLayout& layout) { return rows_offset(layout.sizes[0]) + layout.bytes(); }

std::vector<std::uint8_t> front_of(const FeatureContent& content, const RowsLayout& layout,
                                   const std::vector<std::uint64_t>& hashes) {
  std::vector<TableEntry> table;
  table.reserve(hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) table.push_back({content.images.at(i), hashes[i]});
  const std::size_t size = table_size(layout.sizes[0]);
  std::ostringstream text;
  text << kFirstLine << "\norigin " << content.origin << "\nabout " << content.about.substr(0, kLongestAbout)
       << '\n'
       << type_and_sizes(layout) << "\ntable " << words_hash(table.data(), size) << '\n';
  const std::string page = text.str();
  std::vector<std::uint8_t> front(rows_offset(layout.sizes[0]));
  std::memcpy(front.data(), page.data(), page.size());
  std::memcpy(front.data() + kPage, table.data(), size);
  return front;
}

std::optional<FeatureFront> read_front(const File& file, const std::string& origin, const RowsLayout& row,
                                       std::string& fault) {
  std::string page(kPage, '\0');
  FeatureFront front{row, {}, {}};
  if (!file.read(0, page.data(), page.size())) {
    fault = "does not have the size of these features";
    return {};
  }
  front.layout.sizes[0] = count_in(page);
  const auto count = front.layout.sizes[0];
  const bool is_ours = page.starts_with(kFirstLine) && line_of(page, "origin") == origin && count > 0 &&
                       page.find('\n' + type_and_sizes(front.layout) + '\n') != std::string::npos;
  if (!is_ours) {
    fault = "is damaged or something else";
    return {};
  }
  // A damaged count could be any number.
  if (static_cast<std::size_t>(count) > file.size() || file.size() != file_size(front.layout)) {
    fault = "does not have the size of these features";
    return {};
  }
  std::vector<TableEntry> table(static_cast<std::size_t>(count));
  const bool is_whole = file.read(kPage, table.data(), table_size(count));
  if (!is_whole || line_of(page, "table") != std::to_string(words_hash(table.data(), table_size(count)))) {
    fault = "is damaged or something else";
    return {};
  }
  for (const TableEntry& entry : table) {
    front.images.push_back(entry.key);
    front.hashes.push_back(entry.hash);
  }
  return front;
}

bool rows_match(const File& file, const RowsLayout& layout, const std::vector<std::int64_t>& rows,
                const std::vector<std::uint64_t>& hashes) {
  const std::size_t bytes = layout.row_bytes();
  const std::size_t offset = rows_offset(layout.sizes[0]);
  std::atomic<bool> match = true;
  const auto compare = [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> row(bytes);
    for (std::int64_t i = begin; i < end && match; ++i) {
      const auto number = static_cast<std::size_t>(rows[i]);
      if (!file.read(offset + number * bytes, row.data(), bytes) ||
          words_hash(row.data(), bytes) != hashes[number]) {
        match = false;
      }
    }
  };
  at::parallel_for(0, static_cast<std::int64_t>(rows.size()),
                   static_cast<std::int64_t>(std::max<std::size_t>(kGrain / bytes, 1)), compare);
  return match;
}

}  // namespace torch_tl
