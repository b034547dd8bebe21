// Whether this LibTorch has c10d with Gloo, and its header needs no more than the stand-ins beside this file.

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

int main() {
  const auto options = c10d::ProcessGroupGloo::Options::create();
  options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
  options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface("lo"));
  const auto store = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", c10d::TCPStoreOptions{});
  const auto prefixed = c10::make_intrusive<c10d::PrefixStore>("probe", store);
  return c10::make_intrusive<c10d::ProcessGroupGloo>(prefixed, 0, 1, options)->getSize();
}
