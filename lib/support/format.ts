/** A number with thousands separators, such as `50,000`. */
export function count(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}

/** A number of images, such as `1 image` or `50,000 images`. */
export function images(number: number): string {
  return `${count(number)} ${number === 1 ? 'image' : 'images'}`;
}

/** A fraction as a percentage, such as `92.72 %`. */
export function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(2)} %`;
}

/** The first texts, separated by commas, and the number of the rest: `a, b, and 3 more`. */
export function listed(texts: readonly string[], maximum = 5): string {
  const more = texts.length > maximum ? `, and ${count(texts.length - maximum)} more` : '';
  return `${texts.slice(0, maximum).join(', ')}${more}`;
}

/** A number of bytes, such as `164 MB` or `1.3 GB`. */
export function size(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`;
  if (bytes < 1e9) return `${Math.round(bytes / 1e6)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** A duration, such as `4.2 s`, `58 s`, `2.5 min` or `1.3 h`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${seconds.toFixed(0)} s`;
  if (seconds < 6000) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
