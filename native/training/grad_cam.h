#pragma once

#include <ATen/core/Tensor.h>

#include "data/dataset.h"
#include "model/network.h"
#include "training/extraction.h"

namespace torch_tl {

/** Class activation maps of images, and the images' logits; on the host. */
struct GradCam {
  at::Tensor maps;    // float32 [count, h, w], at least 0
  at::Tensor logits;  // float32 [count, classes]
};

/**
 * Grad-CAM (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391, section 3) over the backbone's last
 * maps, in evaluation mode. `classes` is the class to explain for each image, int64 [count] on the host, or
 * undefined for each image's likeliest class. Does not change the network.
 */
GradCam grad_cam(Network& network, const Dataset& data, const at::Tensor& classes,
                 const Extraction& extraction);

}  // namespace torch_tl
