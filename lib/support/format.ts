/** `50,000` */
export function count(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}

/** `92.72 %` of a fraction. */
export function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(2)} %`;
}

/** Texts one after another, of many the first few and how many more there are. */
export function listed(texts: readonly string[], most = 5): string {
  const more = texts.length > most ? `, and ${count(texts.length - most)} more` : '';
  return `${texts.slice(0, most).join(', ')}${more}`;
}

/** `164 MB`, `1.3 GB` */
export function size(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`;
  if (bytes < 1e9) return `${Math.round(bytes / 1e6)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** `4.2 s`, `58 s`, `2.5 min`, `1.3 h` */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${seconds.toFixed(0)} s`;
  if (seconds < 6000) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
