export class HealthResponse {
  /** `ok`, `down` or `stopping`. */
  status!: string;

  /**
   * What was asked, and whether it answered.
   * @example { "postgres": "up", "redis": "up" }
   */
  checks!: Record<string, string>;
}
