#include "memory/available.h"

#ifdef __linux__
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#endif

namespace torch_tl {

#ifdef __linux__

namespace {

namespace fs = std::filesystem;

/** File names of one version of control groups. */
struct Names {
  const char* limit = nullptr;
  const char* used = nullptr;
  const char* swap_limit = nullptr;  // of swap, or of memory and swap together
  const char* swap_used = nullptr;
  std::initializer_list<std::string_view> reclaimable;  // in memory.stat, in bytes
  bool swap_includes_memory = false;
};

const Names kVersion1{"memory.limit_in_bytes",
                      "memory.usage_in_bytes",
                      "memory.memsw.limit_in_bytes",
                      "memory.memsw.usage_in_bytes",
                      {"total_inactive_file", "total_active_file"},
                      true};
const Names kVersion2{"memory.max",
                      "memory.current",
                      "memory.swap.max",
                      "memory.swap.current",
                      {"inactive_file", "active_file", "slab_reclaimable"},
                      false};

std::size_t difference(std::size_t a, std::size_t b) { return a > b ? a - b : 0; }

/** The number in a file; none if there is no such file or no number in it. */
std::optional<std::size_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  std::size_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

/** The sum of the numbers on the lines that begin with one of these names. */
std::size_t sum_in(const fs::path& path, std::initializer_list<std::string_view> names) {
  std::ifstream file(path);
  std::string line;
  std::size_t sum = 0;
  while (std::getline(file, line)) {
    const std::size_t end = line.find_first_of(": ");
    if (end == std::string::npos) continue;
    if (std::ranges::find(names, std::string_view(line).substr(0, end)) == names.end()) continue;
    const std::size_t digits = line.find_first_of("0123456789", end);
    if (digits != std::string::npos) sum += std::stoull(line.substr(digits));
  }
  return sum;
}

std::size_t in_meminfo(std::string_view name) { return sum_in("/proc/meminfo", {name}) * 1024; }

/** Bytes that a group may still swap out. */
std::size_t swap_left(const fs::path& group, const Names& names, std::size_t memory_limit) {
  const std::size_t free = in_meminfo("SwapFree");
  const std::optional<std::size_t> limit = number_in(group / names.swap_limit);
  if (free == 0 || !limit) return free;
  const std::size_t swap_limit = names.swap_includes_memory ? difference(*limit, memory_limit) : *limit;
  const std::size_t both = number_in(group / names.swap_used).value_or(0);
  const std::size_t memory = names.swap_includes_memory ? number_in(group / names.used).value_or(0) : 0;
  return std::min(free, difference(swap_limit, difference(both, memory)));
}

void add_group(const fs::path& group, const Names& names, AvailableMemory& memory) {
  const std::optional<std::size_t> limit = number_in(group / names.limit);
  const std::optional<std::size_t> used = number_in(group / names.used);
  // Version 1 expresses "no limit" as a number larger than any machine's memory.
  constexpr std::size_t kNone = std::size_t{1} << 62;
  if (!limit || !used || *limit >= kNone) return;
  const std::size_t in_use = difference(*used, sum_in(group / "memory.stat", names.reclaimable));
  const std::size_t left = difference(*limit, in_use);
  memory.bytes = std::min(memory.bytes, left);
  memory.allowed = std::min(memory.allowed, left + swap_left(group, names, *limit));
  memory.total = std::min(memory.total, *limit);
}

/** Adds a group and its ancestors, each of which may have a limit. A container sees its own as the root. */
void add_groups(const fs::path& root, const fs::path& path, const Names& names, AvailableMemory& memory) {
  fs::path below;
  add_group(root, names, memory);
  for (const fs::path& part : path.relative_path()) {
    below /= part;
    add_group(root / below, names, memory);
  }
}

}  // namespace

AvailableMemory read_available_memory() {
  AvailableMemory memory;
  const std::size_t total = in_meminfo("MemTotal");
  const std::size_t available = in_meminfo("MemAvailable");
  // A sandbox may hide both.
  if (total > 0 && available > 0) {
    memory.bytes = available;
    memory.total = total;
  }
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {
    // number:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const fs::path path = line.substr(second + 1);
    if (controllers == ",,") {
      add_groups("/sys/fs/cgroup", path, kVersion2, memory);
    } else if (controllers.find(",memory,") != std::string::npos) {
      add_groups("/sys/fs/cgroup/memory", path, kVersion1, memory);
    }
  }
  return memory;
}

#else

AvailableMemory read_available_memory() { return {}; }

#endif

}  // namespace torch_tl
