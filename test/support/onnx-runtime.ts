import { createRequire } from 'node:module';

/** Whether there is what checks ONNX exports: it is the user's to install, and `.ci/run` does. */
export function hasOnnxRuntime(): boolean {
  try {
    createRequire(import.meta.url).resolve('onnxruntime-node');
    return true;
  } catch {
    return false;
  }
}
