// Serves a model that torch-tl trained over HTTP.
//
//     node examples/http-service.js runs/flowers/best.safetensors
//     curl --data-binary @rose.jpg http://127.0.0.1:8080/

import { DenseNet121, InputError } from 'torch-tl';
import { BadImage, serveImages } from './support/image-service.js';

const model = await DenseNet121.load(process.argv[2]);
try {
  await serveImages(predict);
} finally {
  model.dispose();
}

async function predict(image) {
  try {
    const [{ label, probability, top }] = await model.predict([image], { topK: 3 });
    return { label, probability, top };
  } catch (error) {
    throw error instanceof InputError ? new BadImage(error.message) : error;
  }
}
