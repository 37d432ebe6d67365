const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** SQLSTATE class 08 is "connection exception"; 57P01 to 57P03 are sent while Postgres stops or starts; 53300: too many clients. */
const POSTGRES_CODES = /^(08...|57P0[123]|53300)$/;

/**
 * What pg, pg-pool, TypeORM and ioredis say when there is no connection; none of them gives these a code. TypeORM releases
 * a query runner whose connection is lost, also in the middle of a transaction.
 */
const MESSAGES =
  /connection terminated|connection is closed|timeout exceeded when trying to connect|max retries per request|command timed out|query read timeout|stream isn't writeable|client has encountered a connection error|not queryable|query runner (was )?already released|too many cluster redirections|cluster isn't ready|cluster is ended|failed to refresh slots cache|none of startup nodes is available/i;

/** True when Postgres or Redis could not be reached, in contrast to having refused what was asked. */
export function isConnectionFailure(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code } = thrown as { code?: unknown };
  if (typeof code === 'string' && (SOCKET_CODES.has(code) || POSTGRES_CODES.test(code))) return true;
  if (thrown instanceof AggregateError && thrown.errors.some(isConnectionFailure)) return true;
  return (
    MESSAGES.test(thrown.message) ||
    (thrown.name === 'ReplyError' && /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN)/.test(thrown.message))
  );
}
