/** What kind of error it is, and what caused it: `PAYMENT_PROVIDER_UNAVAILABLE < StripeConnectionError`. No words of its. */
export function nameOf(error: unknown, depth = 3): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { code?: unknown };
  const name = error.name === 'AppError' && typeof code === 'string' ? code : error.constructor.name;
  return error.cause === undefined || depth === 0 ? name : `${name} < ${nameOf(error.cause, depth - 1)}`;
}
