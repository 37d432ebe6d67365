export interface StripeErrorBody {
  type: 'invalid_request_error' | 'idempotency_error' | 'api_error' | 'card_error';
  code?: string;
  message: string;
  param?: string;
}

/** An answer that is not 2xx: the status and Stripe's error body, https://docs.stripe.com/api/errors */
export class StripeApiError extends Error {
  constructor(
    readonly status: number,
    readonly body: StripeErrorBody,
  ) {
    super(body.message);
  }
}

export function invalidRequest(message: string, param?: string, code?: string): StripeApiError {
  return new StripeApiError(400, {
    type: 'invalid_request_error',
    message,
    ...(code && { code }),
    ...(param && { param }),
  });
}

/** Stripe answers 404 when the id is in the path, and 400 when it is a parameter. */
export function noSuch(what: string, id: string, param = 'id'): StripeApiError {
  return new StripeApiError(param === 'id' ? 404 : 400, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${what}: '${id}'`,
    param,
  });
}

/** A failure that a test asked for, in the shape that Stripe gives that status. */
export function failureOf(status: number): StripeApiError {
  const message = `The simulated Stripe was told to answer ${status}.`;
  if (status >= 500) return new StripeApiError(status, { type: 'api_error', message });
  if (status === 402)
    return new StripeApiError(status, { type: 'card_error', code: 'card_declined', message });
  if (status === 429)
    return new StripeApiError(status, { type: 'invalid_request_error', code: 'rate_limit', message });
  return new StripeApiError(status, { type: 'invalid_request_error', message });
}
