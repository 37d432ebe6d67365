/** Signing up with a one-time code, by hand. */
import { createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { v7 as newId } from 'uuid';
import { CodeStore } from './code-store.js';
import { serveLimit, setting } from './server.js';

const SIGNUP_MS = 900_000;
const OTP_MS = 300_000;
const SESSION_MS = 14 * 86_400_000;
const TOKEN_SECONDS = 900;

/** The account, its first session and the two events, in one statement; no row where the number is taken. */
const SIGN_UP = {
  name: 'sign-up',
  text: `
    WITH person AS (
      INSERT INTO users (id, mobile) VALUES ($1, $2) ON CONFLICT (mobile) DO NOTHING
      RETURNING id, mobile, display_name, tier, created_at, updated_at
    ), session AS (
      INSERT INTO sessions (user_id, id, family_hash, token_hash, ip, user_agent, expires_at)
      SELECT id, $3::uuid, $4::bytea, $5::bytea, $6::text, $7::text, $8::timestamptz FROM person
    ), events AS (
      INSERT INTO auth_events (user_id, id, kind, outcome, method, session_id, ip, user_agent)
      SELECT person.id, event.id, kind, 'succeeded', method, session_id, $6, $7 FROM person, (
        VALUES ($9::uuid, 'signed_up', NULL, NULL::uuid), ($10::uuid, 'signed_in', 'code', $3::uuid)
      ) AS event (id, kind, method, session_id)
    )
    SELECT * FROM person`,
};

interface PersonRow {
  id: string;
  mobile: string;
  display_name: string | null;
  tier: string;
  created_at: Date;
  updated_at: Date;
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

await serveLimit(({ server, redis, database }) => {
  const key = createSecretKey(Buffer.from(setting('JWT_SECRET')));
  const store = new CodeStore(redis);
  const hmac = (...parts: string[]): Buffer => createHmac('sha256', key).update(parts.join('\0')).digest();
  const codeFor = (mobile: string, id: string): string =>
    (hmac('code', mobile, id).readUInt32BE() % 1_000_000).toString().padStart(6, '0');
  const macOf = (mobile: string, code: string): string => hmac('mac', mobile, code).toString('base64url');
  const head = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT', kid: 'limit' })).toString('base64url');
  const sign = (sub: string, sid: string): string => {
    const iat = Math.floor(Date.now() / 1000);
    const claims = {
      sub,
      sid,
      typ: 'access',
      iat,
      exp: iat + TOKEN_SECONDS,
      aud: 'chat-api',
      iss: 'chat-backend',
    };
    const body = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
  };
  const refuse = (reply: FastifyReply, status: number): FastifyReply => reply.status(status).send();

  server.post<{ Body: { mobile: string } }>('/v1/auth/signup', async ({ body: { mobile }, ip }, reply) => {
    if (!(await store.letIn(ip))) return refuse(reply, 429);
    await store.announce(mobile, SIGNUP_MS);
    return reply.status(201).send({ mobile, expiresAt: new Date(Date.now() + SIGNUP_MS) });
  });

  server.post<{ Body: { mobile: string } }>('/v1/auth/send-otp', async ({ body: { mobile }, ip }, reply) => {
    const id = randomBytes(16).toString('base64url');
    const code = codeFor(mobile, id);
    if (!(await store.letSend(ip, id))) return refuse(reply, 429);
    const expiresAt = Date.now() + OTP_MS;
    if (!(await store.put(mobile, id, macOf(mobile, code), expiresAt))) return refuse(reply, 429);
    return { expiresAt: new Date(expiresAt), resendAt: new Date(Date.now() + 60_000), otp: code };
  });

  server.post<{ Body: { mobile: string; otp: string } }>(
    '/v1/auth/verify-otp',
    async ({ body: { mobile, otp }, ip, headers }, reply) => {
      const guess = randomBytes(16).toString('base64url');
      if (!(await store.letGuess(ip, guess))) return refuse(reply, 429);
      if (!(await store.consume(mobile, macOf(mobile, otp), guess))) return refuse(reply, 401);
      const [userId, sessionId, expiresAt] = [newId(), newId(), new Date(Date.now() + SESSION_MS)];
      const [family, secret] = [randomBytes(16), randomBytes(32)];
      const agent = headers['user-agent'] ?? null;
      const [{ rows }] = await Promise.all([
        database.query<PersonRow>({
          ...SIGN_UP,
          values: [
            ...[
              userId,
              mobile,
              sessionId,
              sha256(family),
              sha256(secret),
              ip,
              agent,
              expiresAt,
              newId(),
              newId(),
            ],
          ],
        }),
        store.giveBackGuess(ip, guess),
      ]);
      const [person] = rows;
      if (person === undefined) return refuse(reply, 409);
      await store.end(mobile);
      return {
        ...{ accessToken: sign(userId, sessionId), tokenType: 'Bearer', expiresIn: TOKEN_SECONDS },
        ...{
          refreshToken: Buffer.concat([family, secret]).toString('base64url'),
          refreshExpiresAt: expiresAt,
        },
        user: person,
      };
    },
  );
});
