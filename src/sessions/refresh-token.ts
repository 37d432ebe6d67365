import { createHash, hkdfSync, randomBytes } from 'node:crypto';

const UUID_BYTES = 16;
const FAMILY_BYTES = 16;
/** 256 bits. */
const SECRET_BYTES = 32;
const SALT_BYTES = 32;
const TOKEN_BYTES = 2 * UUID_BYTES + FAMILY_BYTES + SECRET_BYTES;

/**
 * A refresh token: whose it is and of which session, so that its row is found by primary key; a random part that the
 * tokens of one session share; and the secret.
 *
 * The shared part tells a token that was good once from an invented one: who merely knows the ids (they are in every
 * access token) cannot have the session ended by sending nonsense for it.
 */
export class RefreshToken {
  private constructor(
    readonly userId: string,
    readonly sessionId: string,
    private readonly family: Buffer,
    private readonly secret: Buffer,
  ) {}

  /** The first one of a session. */
  static issue(userId: string, sessionId: string): RefreshToken {
    return new RefreshToken(userId, sessionId, randomBytes(FAMILY_BYTES), randomBytes(SECRET_BYTES));
  }

  /** Null for what nobody here can have made. */
  static parse(text: string): RefreshToken | null {
    const bytes = Buffer.from(text, 'base64url');
    if (bytes.length !== TOKEN_BYTES || bytes.toString('base64url') !== text) return null;
    const secretAt = TOKEN_BYTES - SECRET_BYTES;
    return new RefreshToken(
      uuidAt(bytes, 0),
      uuidAt(bytes, UUID_BYTES),
      bytes.subarray(2 * UUID_BYTES, secretAt),
      bytes.subarray(secretAt),
    );
  }

  /** Fresh randomness for `next`. */
  static salt(): Buffer {
    return randomBytes(SALT_BYTES);
  }

  /**
   * The token that comes after this one: of 256 bits that nobody can tell without both this token and the salt. So only
   * the salt has to be kept for that the same successor can be given again to who shows this token again, and who reads
   * the database has neither token.
   */
  next(salt: Buffer): RefreshToken {
    const secret = Buffer.from(
      hkdfSync('sha256', this.secret, salt, 'chat-backend/refresh-token', SECRET_BYTES),
    );
    return new RefreshToken(this.userId, this.sessionId, this.family, secret);
  }

  /** What is stored. Plain SHA-256: there is nothing to guess in 256 random bits. */
  get hash(): Buffer {
    return sha256(this.secret);
  }

  get familyHash(): Buffer {
    return sha256(this.family);
  }

  toString(): string {
    const ids = Buffer.from(`${this.userId}${this.sessionId}`.replaceAll('-', ''), 'hex');
    return Buffer.concat([ids, this.family, this.secret]).toString('base64url');
  }
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

const uuidAt = (bytes: Buffer, at: number): string =>
  bytes.toString('hex', at, at + UUID_BYTES).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
