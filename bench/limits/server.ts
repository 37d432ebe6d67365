import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import pg from 'pg';

/** What a limit has to work with: the same as the application, and nothing around it. */
export interface Limit {
  server: FastifyInstance;
  redis: Redis;
  database: pg.Pool;
  /** Whose request it is. @throws an error of status 401 */
  authenticate: (request: FastifyRequest) => Claims;
}

export interface Claims {
  sub: string;
  sid: string;
}

interface AllClaims extends Claims {
  iss: string;
  aud: string;
  typ: string;
  exp: number;
}

/** A setting that the application was given, too. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`A limit needs ${name}`);
  return value;
}

/** Serves `routes`, tells its parent where, and ends with it. */
export async function serveLimit(routes: (limit: Limit) => void | Promise<void>): Promise<void> {
  const server = fastify();
  const limit: Limit = {
    server,
    redis: new Redis(setting('REDIS_URL')),
    database: new pg.Pool({
      connectionString: setting('DATABASE_URL'),
      max: Number(process.env.DATABASE_POOL_SIZE ?? 10),
    }),
    authenticate: authenticator(setting('JWT_SECRET')),
  };
  await routes(limit);
  const url = await server.listen({ port: 0, host: '127.0.0.1' });
  process.on('disconnect', () => process.exit(0));
  process.send?.(url);
}

/** Checks what the application checks of an access token (HS256), with a prepared key. */
function authenticator(secret: string): Limit['authenticate'] {
  const key = createSecretKey(Buffer.from(secret));
  return ({ headers: { authorization = '' } }) => {
    const [head = '', body = '', mac = ''] = authorization.slice('Bearer '.length).split('.');
    const expected = createHmac('sha256', key).update(`${head}.${body}`).digest();
    const given = Buffer.from(mac, 'base64url');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refused();
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as AllClaims;
    const isOurs = claims.iss === 'chat-backend' && claims.aud === 'chat-api' && claims.typ === 'access';
    if (!isOurs || claims.exp * 1000 <= Date.now()) throw refused();
    return claims;
  };
}

const refused = (): Error => Object.assign(new Error('Not signed in'), { statusCode: 401 });

export const sendJson = (reply: FastifyReply, json: string): FastifyReply =>
  reply.header('content-type', 'application/json; charset=utf-8').send(json);
