#include <ATen/Context.h>

#include <exception>
#include <iostream>
#include <string_view>

#include "comparison.h"
#include "gpu/aten_primitives.h"
#include "gpu/kernel_primitives.h"
#include "host_kernels.h"

/*
 * Compares, on a CPU, the executors for GPUs with the layers of the model and the executors for processors,
 * and the kernels with the primitives that they stand for (test/model/gpu-executors.test.ts). `check-gpu all`
 * takes minutes and compares more.
 */

int main(int count, char** arguments) {
  const bool thorough = count > 1 && std::string_view(arguments[1]) == "all";
  // Convolutions that it might take would each say that it does not run on this processor.
  at::globalContext().setUserEnabledNNPACK(false);
  try {
    const torch_tl::gpu::AtenPrimitives plain;
    const torch_tl::gpu::KernelPrimitives kernels(torch_tl::gpu::host_kernels());
    bool agree = torch_tl::primitives_agree(kernels, plain);
    agree = torch_tl::sections_agree(plain, "plain primitives", thorough) && agree;
    agree = torch_tl::sections_agree(kernels, "kernels' loops", thorough) && agree;
    agree = torch_tl::backbones_agree(plain, "plain primitives", thorough) && agree;
    agree = torch_tl::backbones_agree(kernels, "kernels' loops", thorough) && agree;
    std::cout << (agree ? "they agree\n" : "they differ\n");
    return agree ? 0 : 1;
  } catch (const std::exception& error) {
    std::cout << error.what() << '\n';
    return 1;
  }
}
