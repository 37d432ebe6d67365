const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const WINDOW_MS_MAX = 30 * UNIT_MS.d;
const LIMIT_MAX = 10_000_000;

/** At most so many within any stretch of time that long. */
export class Rate {
  private constructor(
    readonly limit: number,
    readonly windowMs: number,
    private readonly text: string,
  ) {}

  /** @param text `5/10m,10/1d`; @returns null for anything else */
  static list(text: string): Rate[] | null {
    const rates = text.split(',').map((each) => Rate.parse(each.trim()));
    return rates.every((each) => each !== null) ? rates : null;
  }

  /** As `list`, for what is known to be well-formed. */
  static listOf(text: string): Rate[] {
    const rates = Rate.list(text);
    if (rates === null) throw new Error(`No limits: ${text}`);
    return rates;
  }

  private static parse(text: string): Rate | null {
    const match = /^(\d{1,8})\/(\d{1,8})([smhd])$/.exec(text);
    if (match === null) return null;
    const limit = Number(match[1]);
    const windowMs = Number(match[2]) * UNIT_MS[match[3] as keyof typeof UNIT_MS];
    const inRange = limit >= 1 && limit <= LIMIT_MAX && windowMs > 0 && windowMs <= WINDOW_MS_MAX;
    return inRange ? new Rate(limit, windowMs, text) : null;
  }

  toString(): string {
    return this.text;
  }
}
