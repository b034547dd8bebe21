/** How an image that is not square is made square: cropped, padded with black, or distorted. */
export const RESIZES = ['cover', 'contain', 'stretch'] as const;
export type Resize = (typeof RESIZES)[number];
