/** Whether tests run beside a sanitizer (`npm run test:asan`), which takes memory and file descriptors of its own. */
export const isSanitized = process.env.ASAN_OPTIONS !== undefined;
