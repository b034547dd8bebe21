import type { Rectangle } from '../data/decoding/resize.ts';
import type { RankedClass } from '../model/predict.ts';

/** Where in the seen part of a picture the likeliest class shows: a Grad-CAM map. */
export interface HeatMap {
  /** The class, which is the likeliest one. */
  label: string;
  /** Number of columns and rows, which divide the seen part evenly. */
  width: number;
  height: number;
  /** From 0 to 1 in steps of 0.0001, row after row. */
  map: number[];
}

/** What `POST /predict` answers for an image. */
export interface ImageAnswer extends RankedClass {
  /** The likeliest classes, most likely first. */
  top: RankedClass[];
  /** Size of the upright picture in pixels. */
  width: number;
  height: number;
  /** The part that the model saw, in pixels of the upright picture; with `contain` it reaches beyond the picture. */
  seen: Rectangle;
  heat?: HeatMap;
}

/** What `POST /predict` answers for each file of a form. */
export type NamedAnswer =
  | ({ name: string } & ImageAnswer)
  | { name: string; error: { code: string; message: string } };

/** What `GET /model` answers. */
export interface ModelAnswer {
  classes: readonly string[];
  /** Side in pixels of what the model sees. */
  imageSize: number;
  resize: string;
  /** Name and SHA-256 of the file with the weights; null if they are drawn at random. */
  weights: { name: string; sha256: string } | null;
  device: string;
  precision: string;
  /** Version of torch-tl. */
  version: string;
  limits: { maxBodySize: number; maxImages: number; maxPixels: number };
}
