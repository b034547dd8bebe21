// An HTTP service with a model that torch-tl trained.
//
//     node examples/http-service.js runs/flowers/best.safetensors
//     curl --data-binary @rose.jpg http://127.0.0.1:8080/

import { DenseNet121, InputError } from 'torch-tl';
import { BadPicture, servePictures } from './support/picture-service.js';

const model = await DenseNet121.load(process.argv[2]);
try {
  await servePictures(predict);
} finally {
  model.dispose();
}

async function predict(picture) {
  try {
    const [{ label, probability, top }] = await model.predict([picture], { topK: 3 });
    return { label, probability, top };
  } catch (error) {
    throw error instanceof InputError ? new BadPicture(error.message) : error;
  }
}
