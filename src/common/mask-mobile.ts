const SHOWN_FIRST = 3;
const SHOWN_LAST = 2;

/** A number that its owner recognises and nobody can call: `+14********71`. @param mobile E.164 */
export function maskMobile(mobile: string): string {
  const hidden = mobile.length - SHOWN_FIRST - SHOWN_LAST;
  return mobile.slice(0, SHOWN_FIRST) + '*'.repeat(hidden) + mobile.slice(-SHOWN_LAST);
}
