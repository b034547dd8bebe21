/* Made by `node scripts/make-option-docs.js` from what options declare; change it there. */

export interface CreateDocs {
  /** Side of the images in pixels. Default: `155`. */
  imageSize?: unknown;
  /** Draws initial weights, order and dropout. Default: `0`. */
  seed?: unknown;
  /** Auto, cpu, cuda or cuda:N. Default: `"auto"`. */
  device?: unknown;
  /** What the backbone starts from: a name of the catalogue, a .safetensors or .pth file, or null to draw it. Default: `"tiny-imagenet"`. */
  weights?: unknown;
  /** The layers after the backbone: linear, base, base-optimized, finetune, or a list of layers. */
  head?: unknown;
  /** The names of the classes, in the order of their labels. */
  classes?: unknown;
  /** How images are made square: `resize` of the training data. Default: `"cover"`. */
  resize?: unknown;
  /** Stops the reading of the weights. */
  signal?: unknown;
}

export interface DownloadCifar10Docs {
  /** Where it is kept, instead of in the cache directory. */
  directory?: unknown;
  /** Stops the work. */
  signal?: unknown;
  /** Hears how many are done, of how many. */
  onProgress?: unknown;
}

export interface DownloadWeightsDocs {
  /** Where it is kept, instead of in the cache directory. */
  directory?: unknown;
  /** Stops the work. */
  signal?: unknown;
  /** Hears how many are done, of how many. */
  onProgress?: unknown;
}

export interface ExperimentDocs {
  /** The images. Default: `"auto"`. */
  data?: unknown;
  /** Use so many training images, spread evenly over the classes. */
  limitTrain?: unknown;
  /** Use so many validation images, spread evenly over the classes. */
  limitValid?: unknown;
  /** Leave out the images of a folder or list that cannot be decoded; results.json lists them. Default: `false`. */
  skipCorrupt?: unknown;
  /** Keep the decoded images of a folder or list there, instead of in the cache directory. False: decode images into memory, and keep none. Default: `true`. */
  imageCache?: unknown;
  /** What the backbone starts from; by default as the experiment's paper. */
  init?: unknown;
  /** What a pretrained backbone starts from: a name of the catalogue, a .safetensors or .pth file, or a run's directory. */
  weights?: unknown;
  /** Side of the images in pixels. Default: `155`. */
  imageSize?: unknown;
  /** Images in a batch. Default: `128`. */
  batchSize?: unknown;
  /** Passes over the training images; a named recipe shares them out. Default: `32`. */
  epochs?: unknown;
  /** The stages to train in: head, fine-tune, gradual or a JSON file of stages. */
  recipe?: unknown;
  /** What does not train, all else doing so: backbone,*.norm1,through:denseblock3 or none. */
  freeze?: unknown;
  /** How much an image of a class counts: more the rarer it is, or as given, else 1; every mean loss divides by the weights of its images, mixed ones by those of their shares. */
  classWeights?: unknown;
  /** Draws initial weights, order and dropout. Default: `0`. */
  seed?: unknown;
  /** Auto, fp32 or bf16. Default: `"auto"`. */
  precision?: unknown;
  /** Processor threads; by default one a core. */
  threads?: unknown;
  /** Auto, or libtorch: LibTorch's operators alone, without the engine's own kernels, for comparison. Default: `"auto"`. */
  kernels?: unknown;
  /** Keep a frozen backbone's features in files there, instead of in memory. False: compute a frozen backbone's features anew in every epoch. Default: `true`. */
  featureCache?: unknown;
  /** Minutes between two checkpoints of a run. Default: `10`. */
  checkpointMinutes?: unknown;
  /** Adam, adamw or sgd. Default: `"adam"`. */
  optimizer?: unknown;
  /** The learning rate, which the schedule then changes; of one-cycle the highest. Default: `0.001`. */
  learningRate?: unknown;
  /** Layers, by name or pattern, with a learning rate of their own. */
  layerLearningRates?: unknown;
  /** Adam's and AdamW's: how much of the mean of gradients a step keeps. Default: `0.9`. */
  beta1?: unknown;
  /** Adam's and AdamW's: the same of squared gradients. Default: `0.999`. */
  beta2?: unknown;
  /** Adam's and AdamW's: added to what the step is divided by. Default: `1e-8`. */
  epsilon?: unknown;
  /** SGD's: how much of the last step it keeps. Default: `0.9`. */
  momentum?: unknown;
  /** SGD's: Nesterov's momentum. Default: `true`. */
  nesterov?: unknown;
  /** Pulls weights to 0; Adam and SGD add it to the gradient, AdamW shrinks the weight. Default: `0`. */
  weightDecay?: unknown;
  /** Let weight decay reach norms and biases too. Default: `false`. */
  decayNormsAndBiases?: unknown;
  /** Scales all gradients together so that their norm is no higher. */
  clipNorm?: unknown;
  /** Batches whose gradients are averaged for one step. Default: `1`. */
  gradientAccumulationSteps?: unknown;
  /** How the learning rate changes: constant, cosine, one-cycle, step or plateau. Default: `"plateau"`. */
  schedule?: unknown;
  /** Epochs in which the learning rate rises before the schedule begins; may be a fraction. Default: `0`. */
  warmupEpochs?: unknown;
  /** Where cosine ends, and what step and plateau never fall below. Default: `0.00001`. */
  minLearningRate?: unknown;
  /** Step lowers the learning rate every so many epochs. Default: `10`. */
  stepEpochs?: unknown;
  /** What step multiplies it by. Default: `0.1`. */
  stepFactor?: unknown;
  /** What plateau multiplies it by when the validation loss stops falling. Default: `0.1`. */
  plateauFactor?: unknown;
  /** Epochs without a lower validation loss before that. Default: `5`. */
  plateauPatience?: unknown;
  /** Epochs without a lower validation loss before the training, or its stage, ends. Default: `15`. */
  earlyStoppingPatience?: unknown;
  /** How much lower the validation loss must be to count. Default: `0.00001`. */
  earlyStoppingMinDelta?: unknown;
  /** How much of the target is spread evenly over all classes. Default: `0`. */
  labelSmoothing?: unknown;
  /** Validates and keeps a moving average of the weights, which keeps so much in a step. */
  emaDecay?: unknown;
  /** How training images are changed anew in every epoch: none, light or strong. Default: `"none"`. */
  augmentation?: unknown;
  /** Auto, cpu, cuda or cuda:N. Default: `"auto"`. */
  device?: unknown;
  /** A new or empty directory for the run; by default a new one under runs/. */
  out?: unknown;
  /** Write the epochs as events for TensorBoard too, in the run's directory. Default: `false`. */
  tensorboard?: unknown;
}

export interface ExportDocs {
  /** Safetensors, pth, onnx; by default as the ending of --out says. */
  format?: unknown;
  /** Compares an ONNX export with the model, for which onnxruntime-node is needed. Default: `true`. */
  check?: unknown;
}

export interface ExtractionDocs {
  /** Images in a batch. Default: `128`. */
  batchSize?: unknown;
  /** Auto, fp32 or bf16. Default: `"auto"`. */
  precision?: unknown;
  /** Processor threads; by default one a core. */
  threads?: unknown;
  /** Auto, or libtorch: LibTorch's operators alone, without the engine's own kernels, for comparison. Default: `"auto"`. */
  kernels?: unknown;
  /** Stops the work after the current batch. */
  signal?: unknown;
  /** Called with the number of images done, and of all images. */
  onProgress?: unknown;
}

export interface FitDocs {
  /** Images in a batch. Default: `128`. */
  batchSize?: unknown;
  /** Passes over the training images; a named recipe shares them out. Default: `32`. */
  epochs?: unknown;
  /** The stages to train in: head, fine-tune, gradual or a JSON file of stages. */
  recipe?: unknown;
  /** What does not train, all else doing so: backbone,*.norm1,through:denseblock3 or none. */
  freeze?: unknown;
  /** How much an image of a class counts: more the rarer it is, or as given, else 1; every mean loss divides by the weights of its images, mixed ones by those of their shares. */
  classWeights?: unknown;
  /** Draws initial weights, order and dropout. Default: `0`. */
  seed?: unknown;
  /** Auto, fp32 or bf16. Default: `"auto"`. */
  precision?: unknown;
  /** Processor threads; by default one a core. */
  threads?: unknown;
  /** Auto, or libtorch: LibTorch's operators alone, without the engine's own kernels, for comparison. Default: `"auto"`. */
  kernels?: unknown;
  /** Keep a frozen backbone's features in files there, instead of in memory. False: compute a frozen backbone's features anew in every epoch. Default: `true`. */
  featureCache?: unknown;
  /** Minutes between two checkpoints of a run. Default: `10`. */
  checkpointMinutes?: unknown;
  /** Adam, adamw or sgd. Default: `"adam"`. */
  optimizer?: unknown;
  /** The learning rate, which the schedule then changes; of one-cycle the highest. Default: `0.001`. */
  learningRate?: unknown;
  /** Layers, by name or pattern, with a learning rate of their own. */
  layerLearningRates?: unknown;
  /** Adam's and AdamW's: how much of the mean of gradients a step keeps. Default: `0.9`. */
  beta1?: unknown;
  /** Adam's and AdamW's: the same of squared gradients. Default: `0.999`. */
  beta2?: unknown;
  /** Adam's and AdamW's: added to what the step is divided by. Default: `1e-8`. */
  epsilon?: unknown;
  /** SGD's: how much of the last step it keeps. Default: `0.9`. */
  momentum?: unknown;
  /** SGD's: Nesterov's momentum. Default: `true`. */
  nesterov?: unknown;
  /** Pulls weights to 0; Adam and SGD add it to the gradient, AdamW shrinks the weight. Default: `0`. */
  weightDecay?: unknown;
  /** Let weight decay reach norms and biases too. Default: `false`. */
  decayNormsAndBiases?: unknown;
  /** Scales all gradients together so that their norm is no higher. */
  clipNorm?: unknown;
  /** Batches whose gradients are averaged for one step. Default: `1`. */
  gradientAccumulationSteps?: unknown;
  /** How the learning rate changes: constant, cosine, one-cycle, step or plateau. Default: `"plateau"`. */
  schedule?: unknown;
  /** Epochs in which the learning rate rises before the schedule begins; may be a fraction. Default: `0`. */
  warmupEpochs?: unknown;
  /** Where cosine ends, and what step and plateau never fall below. Default: `0.00001`. */
  minLearningRate?: unknown;
  /** Step lowers the learning rate every so many epochs. Default: `10`. */
  stepEpochs?: unknown;
  /** What step multiplies it by. Default: `0.1`. */
  stepFactor?: unknown;
  /** What plateau multiplies it by when the validation loss stops falling. Default: `0.1`. */
  plateauFactor?: unknown;
  /** Epochs without a lower validation loss before that. Default: `5`. */
  plateauPatience?: unknown;
  /** Epochs without a lower validation loss before the training, or its stage, ends. Default: `15`. */
  earlyStoppingPatience?: unknown;
  /** How much lower the validation loss must be to count. Default: `0.00001`. */
  earlyStoppingMinDelta?: unknown;
  /** How much of the target is spread evenly over all classes. Default: `0`. */
  labelSmoothing?: unknown;
  /** Validates and keeps a moving average of the weights, which keeps so much in a step. */
  emaDecay?: unknown;
  /** How training images are changed anew in every epoch: none, light or strong. Default: `"none"`. */
  augmentation?: unknown;
  /** Images to validate on after each epoch. */
  valid?: unknown;
  /** File to write checkpoints to: after each epoch, every `checkpointMinutes`, and when the signal stops the training. */
  checkpoint?: unknown;
  /** Resumes from the checkpoint file if it exists. Default: `false`. */
  resume?: unknown;
  /** Stops the training after the current batch. */
  signal?: unknown;
  /** Called before a training resumes; training starts once a promise that it returns has resolved. */
  onResume?: unknown;
  /** Called when a stage begins. */
  onStage?: unknown;
  /** Called with the place where features are kept. */
  onCache?: unknown;
  /** Called with the progress of the pass through the frozen layers. */
  onFeatures?: unknown;
  /** Called after each training step. */
  onBatch?: unknown;
  /** Called after each epoch that is the best so far. */
  onBest?: unknown;
}

export interface FolderDocs {
  /** Stops the decoding. */
  signal?: unknown;
  /** Hears how many are done, of how many. */
  onProgress?: unknown;
  /** Side of the images in pixels: the model's. By default that of `like`. */
  imageSize?: unknown;
  /** How images are made square; by default as those of `like`, else `cover`. */
  resize?: unknown;
  /** The data set whose classes the labels shall be indices of, matched by name. */
  like?: unknown;
  /** So many images, spread evenly over the classes. */
  limit?: unknown;
  /** Leaves out the images that cannot be decoded, which `skipped` lists; else they are an error. Default: `false`. */
  skipCorrupt?: unknown;
  /** Keeps decoded images in the cache directory or another one, and takes those that are there; else all are in memory. Default: `true`. */
  imageCache?: unknown;
  /** Hears how many images were decoded, and how many had been before. */
  onDecoded?: unknown;
}

export interface GradCamDocs {
  /** Images in a batch. Default: `128`. */
  batchSize?: unknown;
  /** Auto, fp32 or bf16. Default: `"auto"`. */
  precision?: unknown;
  /** Processor threads; by default one a core. */
  threads?: unknown;
  /** Auto, or libtorch: LibTorch's operators alone, without the engine's own kernels, for comparison. Default: `"auto"`. */
  kernels?: unknown;
  /** Stops the work after the current batch. */
  signal?: unknown;
  /** Class to map for each image; by default the likeliest one. */
  classes?: unknown;
  /** Leaves out images that cannot be decoded and reports them to `onSkipped`; without it they are an error. Default: `false`. */
  skipCorrupt?: unknown;
  /** Called with the images that were left out, if there are any. */
  onSkipped?: unknown;
}

export interface ImagesDocs {
  /** Stops the decoding. */
  signal?: unknown;
  /** Hears how many are done, of how many. */
  onProgress?: unknown;
  /** Side of the images in pixels: the model's. */
  imageSize?: unknown;
  /** How images are made square. Default: `"cover"`. */
  resize?: unknown;
  /** What labels are indices of; by default the names among the labels, sorted. */
  classes?: unknown;
  /** What the data set is called, for people. Default: `"images"`. */
  name?: unknown;
  /** Leaves out the images that cannot be decoded, which `skipped` lists; else they are an error. Default: `false`. */
  skipCorrupt?: unknown;
}

export interface LearningRateDocs {
  /** Images in a batch. Default: `128`. */
  batchSize?: unknown;
  /** What does not train, all else doing so: backbone,*.norm1,through:denseblock3 or none. */
  freeze?: unknown;
  /** How much an image of a class counts: more the rarer it is, or as given, else 1; every mean loss divides by the weights of its images, mixed ones by those of their shares. */
  classWeights?: unknown;
  /** Draws initial weights, order and dropout. Default: `0`. */
  seed?: unknown;
  /** Auto, fp32 or bf16. Default: `"auto"`. */
  precision?: unknown;
  /** Processor threads; by default one a core. */
  threads?: unknown;
  /** Auto, or libtorch: LibTorch's operators alone, without the engine's own kernels, for comparison. Default: `"auto"`. */
  kernels?: unknown;
  /** Keep a frozen backbone's features in files there, instead of in memory. False: compute a frozen backbone's features anew in every epoch. Default: `true`. */
  featureCache?: unknown;
  /** Adam, adamw or sgd. Default: `"adam"`. */
  optimizer?: unknown;
  /** The learning rate, which the schedule then changes; of one-cycle the highest. Default: `0.001`. */
  learningRate?: unknown;
  /** Layers, by name or pattern, with a learning rate of their own. */
  layerLearningRates?: unknown;
  /** Adam's and AdamW's: how much of the mean of gradients a step keeps. Default: `0.9`. */
  beta1?: unknown;
  /** Adam's and AdamW's: the same of squared gradients. Default: `0.999`. */
  beta2?: unknown;
  /** Adam's and AdamW's: added to what the step is divided by. Default: `1e-8`. */
  epsilon?: unknown;
  /** SGD's: how much of the last step it keeps. Default: `0.9`. */
  momentum?: unknown;
  /** SGD's: Nesterov's momentum. Default: `true`. */
  nesterov?: unknown;
  /** Pulls weights to 0; Adam and SGD add it to the gradient, AdamW shrinks the weight. Default: `0`. */
  weightDecay?: unknown;
  /** Let weight decay reach norms and biases too. Default: `false`. */
  decayNormsAndBiases?: unknown;
  /** Scales all gradients together so that their norm is no higher. */
  clipNorm?: unknown;
  /** How much of the target is spread evenly over all classes. Default: `0`. */
  labelSmoothing?: unknown;
  /** How training images are changed anew in every epoch: none, light or strong. Default: `"none"`. */
  augmentation?: unknown;
  /** The learning rate of the first step. Default: `1e-7`. */
  start?: unknown;
  /** That of the last step, if the loss has not run away before. Default: `10`. */
  end?: unknown;
  /** Steps, a batch each, between which the rate rises by the same factor. Default: `100`. */
  steps?: unknown;
  /** Stops the search after the current batch. */
  signal?: unknown;
  /** Called with the progress of the pass through the frozen layers. */
  onFeatures?: unknown;
  /** Called after each step. */
  onStep?: unknown;
}

export interface ListDocs {
  /** Stops the decoding. */
  signal?: unknown;
  /** Hears how many are done, of how many. */
  onProgress?: unknown;
  /** Side of the images in pixels: the model's. By default that of `like`. */
  imageSize?: unknown;
  /** How images are made square; by default as those of `like`, else `cover`. */
  resize?: unknown;
  /** The data set whose classes the labels shall be indices of, matched by name. */
  like?: unknown;
  /** So many images, spread evenly over the classes. */
  limit?: unknown;
  /** Leaves out the images that cannot be decoded, which `skipped` lists; else they are an error. Default: `false`. */
  skipCorrupt?: unknown;
  /** Keeps decoded images in the cache directory or another one, and takes those that are there; else all are in memory. Default: `true`. */
  imageCache?: unknown;
  /** Hears how many images were decoded, and how many had been before. */
  onDecoded?: unknown;
  /** The images whose `split` is this; needed where the list has splits. */
  split?: unknown;
}

export interface LoadDocs {
  /** Auto, cpu, cuda or cuda:N. Default: `"auto"`. */
  device?: unknown;
  /** Stops the reading of the file. */
  signal?: unknown;
}

export interface TrainClassifierDocs {
  /** The images, which the first argument names too: folders, <class>/* or train/<class>/* and valid/<class>/*; or a .csv or .jsonl list of path and label. */
  data?: unknown;
  /** Use so many training images, spread evenly over the classes. */
  limitTrain?: unknown;
  /** Use so many validation images, spread evenly over the classes. */
  limitValid?: unknown;
  /** Leave out the images of a folder or list that cannot be decoded; results.json lists them. Default: `false`. */
  skipCorrupt?: unknown;
  /** Keep the decoded images of a folder or list there, instead of in the cache directory. False: decode images into memory, and keep none. Default: `true`. */
  imageCache?: unknown;
  /** What a pretrained backbone starts from: a name of the catalogue, a .safetensors or .pth file, or a run's directory. */
  weights?: unknown;
  /** Side of the images in pixels (default: by the number of images). */
  imageSize?: unknown;
  /** Images in a batch. Default: `128`. */
  batchSize?: unknown;
  /** Passes over the training images; a named recipe shares them out (default: by the number of images). */
  epochs?: unknown;
  /** The stages to train in: head, fine-tune, gradual or a JSON file of stages (default: by the number of images). */
  recipe?: unknown;
  /** What does not train, all else doing so: backbone,*.norm1,through:denseblock3 or none. */
  freeze?: unknown;
  /** How much an image of a class counts: more the rarer it is, or as given, else 1; every mean loss divides by the weights of its images, mixed ones by those of their shares. */
  classWeights?: unknown;
  /** Draws initial weights, order and dropout. Default: `0`. */
  seed?: unknown;
  /** Auto, fp32 or bf16. Default: `"auto"`. */
  precision?: unknown;
  /** Processor threads; by default one a core. */
  threads?: unknown;
  /** Auto, or libtorch: LibTorch's operators alone, without the engine's own kernels, for comparison. Default: `"auto"`. */
  kernels?: unknown;
  /** Keep a frozen backbone's features in files there, instead of in memory. False: compute a frozen backbone's features anew in every epoch. Default: `true`. */
  featureCache?: unknown;
  /** Minutes between two checkpoints of a run. Default: `10`. */
  checkpointMinutes?: unknown;
  /** Adam, adamw or sgd. Default: `"adam"`. */
  optimizer?: unknown;
  /** The learning rate, which the schedule then changes; of one-cycle the highest. Default: `0.001`. */
  learningRate?: unknown;
  /** Layers, by name or pattern, with a learning rate of their own. */
  layerLearningRates?: unknown;
  /** Adam's and AdamW's: how much of the mean of gradients a step keeps. Default: `0.9`. */
  beta1?: unknown;
  /** Adam's and AdamW's: the same of squared gradients. Default: `0.999`. */
  beta2?: unknown;
  /** Adam's and AdamW's: added to what the step is divided by. Default: `1e-8`. */
  epsilon?: unknown;
  /** SGD's: how much of the last step it keeps. Default: `0.9`. */
  momentum?: unknown;
  /** SGD's: Nesterov's momentum. Default: `true`. */
  nesterov?: unknown;
  /** Pulls weights to 0; Adam and SGD add it to the gradient, AdamW shrinks the weight. Default: `0`. */
  weightDecay?: unknown;
  /** Let weight decay reach norms and biases too. Default: `false`. */
  decayNormsAndBiases?: unknown;
  /** Scales all gradients together so that their norm is no higher. */
  clipNorm?: unknown;
  /** Batches whose gradients are averaged for one step. Default: `1`. */
  gradientAccumulationSteps?: unknown;
  /** How the learning rate changes: constant, cosine, one-cycle, step or plateau (default: cosine, where the recipe sets none). */
  schedule?: unknown;
  /** Epochs in which the learning rate rises before the schedule begins; may be a fraction. Default: `0`. */
  warmupEpochs?: unknown;
  /** Where cosine ends, and what step and plateau never fall below. Default: `0.00001`. */
  minLearningRate?: unknown;
  /** Step lowers the learning rate every so many epochs. Default: `10`. */
  stepEpochs?: unknown;
  /** What step multiplies it by. Default: `0.1`. */
  stepFactor?: unknown;
  /** What plateau multiplies it by when the validation loss stops falling. Default: `0.1`. */
  plateauFactor?: unknown;
  /** Epochs without a lower validation loss before that. Default: `5`. */
  plateauPatience?: unknown;
  /** Epochs without a lower validation loss before the training, or its stage, ends. Default: `15`. */
  earlyStoppingPatience?: unknown;
  /** How much lower the validation loss must be to count. Default: `0.00001`. */
  earlyStoppingMinDelta?: unknown;
  /** How much of the target is spread evenly over all classes. Default: `0`. */
  labelSmoothing?: unknown;
  /** Validates and keeps a moving average of the weights, which keeps so much in a step. */
  emaDecay?: unknown;
  /** How training images are changed anew in every epoch: none, light or strong (default: by the number of images). */
  augmentation?: unknown;
  /** Auto, cpu, cuda or cuda:N. Default: `"auto"`. */
  device?: unknown;
  /** A new or empty directory for the run; by default a new one under runs/. */
  out?: unknown;
  /** Write the epochs as events for TensorBoard too, in the run's directory. Default: `false`. */
  tensorboard?: unknown;
  /** The layers after the backbone: linear, base, base-optimized, finetune (default: linear). */
  head?: unknown;
  /** How images are made square: cover, contain, stretch (default: cover). */
  resize?: unknown;
}

export interface PredictDocs {
  /** Images in a batch. Default: `128`. */
  batchSize?: unknown;
  /** Auto, fp32 or bf16. Default: `"auto"`. */
  precision?: unknown;
  /** Processor threads; by default one a core. */
  threads?: unknown;
  /** Auto, or libtorch: LibTorch's operators alone, without the engine's own kernels, for comparison. Default: `"auto"`. */
  kernels?: unknown;
  /** Stops the work after the current batch. */
  signal?: unknown;
  /** Number of likeliest classes in `top`. Default: `5`. */
  topK?: unknown;
  /** Leaves out images that cannot be decoded and reports them to `onSkipped`; without it they are an error. Default: `false`. */
  skipCorrupt?: unknown;
  /** Called with the images that were left out, if there are any. */
  onSkipped?: unknown;
}

export interface StageDocs {
  /** What it is called, for people. */
  name?: unknown;
  /** Passes over the training images. */
  epochs?: unknown;
  /** What does not train, all else doing so; by default as before. */
  freeze?: unknown;
  /** Adam, adamw or sgd. */
  optimizer?: unknown;
  /** The learning rate, which the schedule then changes; of one-cycle the highest. */
  learningRate?: unknown;
  /** Layers, by name or pattern, with a learning rate of their own. */
  layerLearningRates?: unknown;
  /** Adam's and AdamW's: how much of the mean of gradients a step keeps. */
  beta1?: unknown;
  /** Adam's and AdamW's: the same of squared gradients. */
  beta2?: unknown;
  /** Adam's and AdamW's: added to what the step is divided by. */
  epsilon?: unknown;
  /** SGD's: how much of the last step it keeps. */
  momentum?: unknown;
  /** SGD's: Nesterov's momentum. */
  nesterov?: unknown;
  /** Pulls weights to 0; Adam and SGD add it to the gradient, AdamW shrinks the weight. */
  weightDecay?: unknown;
  /** Let weight decay reach norms and biases too. */
  decayNormsAndBiases?: unknown;
  /** How the learning rate changes: constant, cosine, one-cycle, step or plateau. */
  schedule?: unknown;
  /** Epochs in which the learning rate rises before the schedule begins; may be a fraction. */
  warmupEpochs?: unknown;
  /** Where cosine ends, and what step and plateau never fall below. */
  minLearningRate?: unknown;
  /** Step lowers the learning rate every so many epochs. */
  stepEpochs?: unknown;
  /** What step multiplies it by. */
  stepFactor?: unknown;
  /** What plateau multiplies it by when the validation loss stops falling. */
  plateauFactor?: unknown;
  /** Epochs without a lower validation loss before that. */
  plateauPatience?: unknown;
  /** Epochs without a lower validation loss before the training, or its stage, ends. */
  earlyStoppingPatience?: unknown;
  /** How much lower the validation loss must be to count. */
  earlyStoppingMinDelta?: unknown;
}

export interface TrainingDocs {
  /** Images in a batch. Default: `128`. */
  batchSize?: unknown;
  /** Passes over the training images; a named recipe shares them out. Default: `32`. */
  epochs?: unknown;
  /** The stages to train in: head, fine-tune, gradual or a JSON file of stages. */
  recipe?: unknown;
  /** What does not train, all else doing so: backbone,*.norm1,through:denseblock3 or none. */
  freeze?: unknown;
  /** How much an image of a class counts: more the rarer it is, or as given, else 1; every mean loss divides by the weights of its images, mixed ones by those of their shares. */
  classWeights?: unknown;
  /** Draws initial weights, order and dropout. Default: `0`. */
  seed?: unknown;
  /** Auto, fp32 or bf16. Default: `"auto"`. */
  precision?: unknown;
  /** Processor threads; by default one a core. */
  threads?: unknown;
  /** Auto, or libtorch: LibTorch's operators alone, without the engine's own kernels, for comparison. Default: `"auto"`. */
  kernels?: unknown;
  /** Keep a frozen backbone's features in files there, instead of in memory. False: compute a frozen backbone's features anew in every epoch. Default: `true`. */
  featureCache?: unknown;
  /** Minutes between two checkpoints of a run. Default: `10`. */
  checkpointMinutes?: unknown;
  /** Adam, adamw or sgd. Default: `"adam"`. */
  optimizer?: unknown;
  /** The learning rate, which the schedule then changes; of one-cycle the highest. Default: `0.001`. */
  learningRate?: unknown;
  /** Layers, by name or pattern, with a learning rate of their own. */
  layerLearningRates?: unknown;
  /** Adam's and AdamW's: how much of the mean of gradients a step keeps. Default: `0.9`. */
  beta1?: unknown;
  /** Adam's and AdamW's: the same of squared gradients. Default: `0.999`. */
  beta2?: unknown;
  /** Adam's and AdamW's: added to what the step is divided by. Default: `1e-8`. */
  epsilon?: unknown;
  /** SGD's: how much of the last step it keeps. Default: `0.9`. */
  momentum?: unknown;
  /** SGD's: Nesterov's momentum. Default: `true`. */
  nesterov?: unknown;
  /** Pulls weights to 0; Adam and SGD add it to the gradient, AdamW shrinks the weight. Default: `0`. */
  weightDecay?: unknown;
  /** Let weight decay reach norms and biases too. Default: `false`. */
  decayNormsAndBiases?: unknown;
  /** Scales all gradients together so that their norm is no higher. */
  clipNorm?: unknown;
  /** Batches whose gradients are averaged for one step. Default: `1`. */
  gradientAccumulationSteps?: unknown;
  /** How the learning rate changes: constant, cosine, one-cycle, step or plateau. Default: `"plateau"`. */
  schedule?: unknown;
  /** Epochs in which the learning rate rises before the schedule begins; may be a fraction. Default: `0`. */
  warmupEpochs?: unknown;
  /** Where cosine ends, and what step and plateau never fall below. Default: `0.00001`. */
  minLearningRate?: unknown;
  /** Step lowers the learning rate every so many epochs. Default: `10`. */
  stepEpochs?: unknown;
  /** What step multiplies it by. Default: `0.1`. */
  stepFactor?: unknown;
  /** What plateau multiplies it by when the validation loss stops falling. Default: `0.1`. */
  plateauFactor?: unknown;
  /** Epochs without a lower validation loss before that. Default: `5`. */
  plateauPatience?: unknown;
  /** Epochs without a lower validation loss before the training, or its stage, ends. Default: `15`. */
  earlyStoppingPatience?: unknown;
  /** How much lower the validation loss must be to count. Default: `0.00001`. */
  earlyStoppingMinDelta?: unknown;
  /** How much of the target is spread evenly over all classes. Default: `0`. */
  labelSmoothing?: unknown;
  /** Validates and keeps a moving average of the weights, which keeps so much in a step. */
  emaDecay?: unknown;
  /** How training images are changed anew in every epoch: none, light or strong. Default: `"none"`. */
  augmentation?: unknown;
}
