#pragma once

#include <ATen/core/Tensor.h>

#include "data/dataset.h"
#include "model/network.h"
#include "training/extraction.h"

namespace torch_tl {

/** Which places of each image speak for a class, and what the network makes of the image; on the host. */
struct GradCam {
  at::Tensor maps;    // float32 [count, h, w], of at least 0
  at::Tensor logits;  // float32 [count, classes]
};

/**
 * Grad-CAM (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391, section 3) over the backbone's last
 * maps, in evaluation mode, of the class that each image is labelled with, or of the likeliest where the
 * label is -1. The network stays as it is.
 */
GradCam grad_cam(Network& network, const Dataset& data, const Extraction& extraction);

}  // namespace torch_tl
