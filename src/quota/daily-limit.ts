import { AppError } from '../common/app-error.js';
import type { QuotaState } from './quota.service.js';

export const secondsUntil = (moment: Date): number => Math.ceil((moment.getTime() - Date.now()) / 1000);

/** What a person is told who has used up the day. */
export function dailyLimitReached({ limit, resetAt }: Pick<QuotaState, 'limit' | 'resetAt'>): AppError {
  return new AppError('DAILY_PROMPT_LIMIT_REACHED', {
    detail:
      `The Basic tier has ${limit ?? 0} prompts a day; the next day begins at ${resetAt.toISOString()}. ` +
      'Pro has no limit: POST /v1/billing/checkout.',
    retryAfterSeconds: secondsUntil(resetAt),
  });
}
