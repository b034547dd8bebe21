import type { Evaluation } from '../evaluate.ts';

/** The content of validation.json: what the best model makes of the validation pictures. */
export interface ValidationReport {
  formatVersion: 1;
  /** The epoch that the model is of. */
  epoch: number;
  evaluation: Evaluation;
  /** Those of the highest loss, the highest first. */
  mistakes: Mistake[];
}

/** A picture that is taken for something else. */
export interface Mistake {
  /** Its path, or its place, such as `picture 17 of the validation set`. */
  picture: string;
  /** What it is. */
  label: string;
  /** What it is taken for, the likeliest first, up to three. */
  top: Array<{ label: string; probability: number }>;
  /** The picture as the network sees it: a data URI, WebP. */
  image: string;
  /** The same with the class-activation map (Grad-CAM) of what it is taken for over it. */
  activation?: string;
}
