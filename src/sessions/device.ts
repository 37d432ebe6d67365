/** The first that matches counts: most programs claim to be others as well. */
const PROGRAMS: [RegExp, string][] = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\b(?:OPR|Opera)\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS)\//, 'Chrome'],
  [/\bVersion\/\S+ .*Safari\//, 'Safari'],
  [/^okhttp\//, 'Android app'],
  [/\bCFNetwork\//, 'iOS app'],
];

const SYSTEMS: [RegExp, string][] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

const NAME_LENGTH_MAX = 40;

/** A user agent in the words of a person: `Chrome on Windows`. Null when none was sent. A guess, for reading only. */
export function deviceOf(userAgent: string | null): string | null {
  if (userAgent === null) return null;
  const named = (list: [RegExp, string][]): string | undefined =>
    list.find(([pattern]) => pattern.test(userAgent))?.[1];
  const program = named(PROGRAMS) ?? userAgent.split(/[/\s(]/, 1)[0]?.slice(0, NAME_LENGTH_MAX);
  const system = named(SYSTEMS);
  return [program || 'Unknown', ...(system === undefined ? [] : [system])].join(' on ');
}
