/** Ways to make an image square: crop it (`cover`), pad it with black (`contain`) or distort it (`stretch`). */
export const RESIZES = ['cover', 'contain', 'stretch'] as const;
export type Resize = (typeof RESIZES)[number];
