// The same service with a model that `torch-tl export` wrote as ONNX. It needs no torch-tl, but
// `npm install onnxruntime-node sharp protobufjs`. Classes, image size and `resize` come from the file.
//
//     node examples/http-service-onnx.js flowers.onnx
//     curl --data-binary @rose.jpg http://127.0.0.1:8080/

import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import protobuf from 'protobufjs';
import sharp from 'sharp';
import { BadImage, serveImages } from './support/image-service.js';

/** How sharp makes an image square, by the model's `resize`. */
const FITS = { cover: 'cover', contain: 'contain', stretch: 'fill' };

const file = process.argv[2];
const { classes, imageSize, resize } = metadataOf(await readFile(file));
const session = await InferenceSession.create(file);
try {
  await serveImages(predict);
} finally {
  await session.release();
}

async function predict(image) {
  const pixels = await decode(image).catch((error) => {
    throw new BadImage(error.message);
  });
  const images = new Tensor('uint8', pixels, [1, imageSize, imageSize, 3]);
  const { probabilities } = await session.run({ images });
  const top = classes
    .map((label, index) => ({ label, index, probability: probabilities.data[index] }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, 3);
  const [{ label, probability }] = top;
  return { label, probability, top };
}

/** Decodes as torch-tl does, uint8 `[imageSize, imageSize, 3]`; scaling to 0..1 and normalising are in the model. */
function decode(image) {
  return sharp(image, { failOn: 'error' })
    .autoOrient()
    .flatten({ background: '#fff' })
    .resize(imageSize, imageSize, {
      fit: FITS[resize],
      background: '#000',
      kernel: 'linear',
      fastShrinkOnLoad: false,
    })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer();
}

/** Reads the metadata of an ONNX model's protobuf message, which onnxruntime-node does not give. */
function metadataOf(bytes) {
  const { root } = protobuf.parse(`
    syntax = "proto3";
    message Model { repeated Entry metadata = 14; }
    message Entry { string key = 1; string value = 2; }`);
  const entries = root
    .lookupType('Model')
    .decode(bytes)
    .metadata.map(({ key, value }) => [key, value]);
  const { classes, imageSize, resize } = Object.fromEntries(entries);
  return { classes: JSON.parse(classes), imageSize: Number(imageSize), resize };
}
