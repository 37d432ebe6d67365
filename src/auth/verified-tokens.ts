/** What is read out of an access token that was verified. */
export interface VerifiedClaims {
  userId: string;
  sessionId: string;
  /** Epoch seconds. */
  expiresAt: number;
}

/** Tokens that are remembered; 3 MB. */
const TOKENS_MAX = 10_000;

/**
 * Access tokens that this process has verified, until they expire: a signature that was right stays right. Whether their
 * session is live is asked at every request all the same.
 */
export class VerifiedTokens {
  private readonly tokens = new Map<string, VerifiedClaims>();

  find(token: string): VerifiedClaims | undefined {
    const claims = this.tokens.get(token);
    if (claims === undefined || claims.expiresAt > Math.floor(Date.now() / 1000)) return claims;
    this.tokens.delete(token);
    return undefined;
  }

  remember(token: string, claims: VerifiedClaims): void {
    this.tokens.set(token, claims);
    if (this.tokens.size <= TOKENS_MAX) return;
    const [longestAgo] = this.tokens.keys();
    if (longestAgo !== undefined) this.tokens.delete(longestAgo);
  }
}
