const MINUTE = 60;
const HOUR = 3600;

/** How long to wait, for a person and for the `Retry-After` header; rounded up. */
export function retryIn(ms: number): { inWords: string; retryAfterSeconds: number } {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  return { inWords: inWords(seconds), retryAfterSeconds: seconds };
}

function inWords(seconds: number): string {
  if (seconds <= 2 * MINUTE) return `${seconds} ${seconds === 1 ? 'second' : 'seconds'}`;
  if (seconds <= 2 * HOUR) return `${Math.ceil(seconds / MINUTE)} minutes`;
  return `${Math.ceil(seconds / HOUR)} hours`;
}
