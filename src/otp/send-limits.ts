import { Inject, Injectable, Logger } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import type { Rate } from '../config/env/rate.js';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { RedisScript } from '../redis/redis-script.js';
import { rateArguments, TAKE, takeOne } from '../redis/sliding-window.js';
import { destinationOf } from './destination.js';
import { lockedError } from './guess-limits.js';
import { retryIn } from './retry-in.js';

/** A code that is to be sent, as the limits count it. */
export interface Send {
  /** The code's id. */
  id: string;
  mobile: string;
  /** Who asked: an address, or a block of them. */
  address: string;
}

/** What all share. */
type Cap = 'OTP_SENDS_PER_PREFIX' | 'OTP_SENDS_PER_DIAL_CODE' | 'OTP_SENDS_TOTAL';

type NumberRefusal = 'locked' | 'pause' | 'limit';

/** What holds for one number, in one step: it is not locked, the pause is over, and the windows have room. */
const TAKE_NUMBER = new RedisScript<['ok' | NumberRefusal, number]>(`${TAKE}
local now, id, pause = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local locked = tonumber(redis.call('HGET', KEYS[3], 'lockedUntil') or '0') - now
if locked > 0 then return {'locked', locked} end
local left = redis.call('PTTL', KEYS[2])
if left > 0 then return {'pause', left} end
local rates = {}
for i = 4, #ARGV do rates[i - 3] = ARGV[i] end
local wait = take(KEYS[1], now, id, rates)
if wait > 0 then return {'limit', wait} end
if pause > 0 then redis.call('SET', KEYS[2], id, 'PX', pause) end
return {'ok', 0}`);

const GIVE_BACK_NUMBER = new RedisScript<number>(`
redis.call('ZREM', KEYS[1], ARGV[1])
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 1`);

/**
 * What bounds the sending of codes. Each limit lies in a slot of its own and is exact by itself. They are asked one after
 * another, the narrowest first, so that who is refused for their own sends does not touch, not for a moment, what others
 * share; and when one refuses, what the others counted is given back by the code's id. Giving back twice is the same as
 * once, and a process that dies in between leaves one too many counted, never one too few.
 */
@Injectable()
export class SendLimits {
  private readonly logger = new Logger('SendLimits');

  constructor(
    private readonly env: Env,
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  /** @throws AppError OTP_LOCKED, OTP_RESEND_TOO_SOON, OTP_SEND_LIMIT_REACHED with the seconds to wait */
  take(send: Send): Promise<void> {
    const pauseMs = this.env.OTP_RESEND_SECONDS * 1000;
    return this.allOrNothing(send, async () => {
      await this.takeOfAddress(send);
      await this.takeOfNumber(send, pauseMs, this.env.OTP_SENDS_PER_NUMBER);
      await this.takeOfAll(send);
    });
  }

  /** As `take`, where no message will be sent: what its address may ask for, and that the number is not locked. */
  takeUnsent(send: Send): Promise<void> {
    return this.allOrNothing(send, async () => {
      await this.takeOfAddress(send);
      await this.takeOfNumber(send, 0, []);
    });
  }

  /** The message was not sent, and not for a reason that lies with the number. */
  async giveBack(send: Send): Promise<void> {
    const limitsOfAll = await this.limitsOfAll(send.mobile);
    await Promise.all([
      this.giveBackNumber(send),
      this.redis.zrem(keys.otpSendsFrom(send.address), send.id),
      ...limitsOfAll.map(([key]) => this.redis.zrem(key, send.id)),
    ]);
  }

  /** The message could not be sent to this number: its owner may try again at once, others have lost nothing. */
  async giveBackNumber({ id, mobile }: Pick<Send, 'id' | 'mobile'>): Promise<void> {
    await GIVE_BACK_NUMBER.run(this.redis, [keys.otpSends(mobile), keys.otpPause(mobile)], [id]);
  }

  private async allOrNothing(send: Send, take: () => Promise<void>): Promise<void> {
    try {
      await take();
    } catch (error) {
      if (error instanceof AppError) await this.giveBack(send);
      throw error;
    }
  }

  private async takeOfAddress({ id, address }: Send): Promise<void> {
    const { OTP_SENDS_PER_ADDRESS: rates } = this.env;
    const wait = await takeOne(this.redis, keys.otpSendsFrom(address), id, rates);
    if (wait > 0) throw limitError('Too many codes were asked for from your network.', wait);
  }

  private async takeOfNumber({ id, mobile }: Send, pauseMs: number, rates: readonly Rate[]): Promise<void> {
    const [outcome, wait] = await TAKE_NUMBER.run(
      this.redis,
      [keys.otpSends(mobile), keys.otpPause(mobile), keys.otpFailures(mobile)],
      [Date.now(), id, pauseMs, ...rateArguments(rates)],
    );
    if (outcome !== 'ok') throw numberError(outcome, wait);
  }

  private async takeOfAll({ id, mobile }: Send): Promise<void> {
    for (const [key, cap] of await this.limitsOfAll(mobile)) {
      const wait = await takeOne(this.redis, key, id, this.env[cap]);
      if (wait === 0) continue;
      await this.tell(cap, mobile).catch(() => undefined);
      throw limitError('No more codes can be sent to numbers like this one for now.', wait);
    }
  }

  /** Once in the longest window of a cap, by all processes together. */
  private async tell(cap: Cap, mobile: string): Promise<void> {
    const { dialCode } = await destinationOf(mobile);
    const windowMs = Math.max(...this.env[cap].map((rate) => rate.windowMs));
    const key = keys.otpCapTold(cap, cap === 'OTP_SENDS_TOTAL' ? '' : dialCode);
    if ((await this.redis.set(key, '1', 'PX', windowMs, 'NX')) === null) return;
    this.logger.warn({ cap, dialCode }, 'A cap on codes is reached: this may be SMS pumping');
  }

  private async limitsOfAll(mobile: string) {
    const { dialCode, prefix } = await destinationOf(mobile);
    return [
      [keys.otpSendsToPrefix(prefix), 'OTP_SENDS_PER_PREFIX'],
      [keys.otpSendsToDialCode(dialCode), 'OTP_SENDS_PER_DIAL_CODE'],
      [keys.otpSendsTotal, 'OTP_SENDS_TOTAL'],
    ] as const satisfies [key: string, cap: Cap][];
  }
}

function numberError(refusal: NumberRefusal, waitMs: number): AppError {
  if (refusal === 'locked') return lockedError(waitMs);
  if (refusal === 'limit')
    return limitError('This number was sent too many codes. The last one may still be good.', waitMs);
  const { inWords, retryAfterSeconds } = retryIn(waitMs);
  return new AppError('OTP_RESEND_TOO_SOON', {
    detail: `Use the code that was sent, or ask again in ${inWords}.`,
    retryAfterSeconds,
  });
}

function limitError(what: string, waitMs: number): AppError {
  const { inWords, retryAfterSeconds } = retryIn(waitMs);
  return new AppError('OTP_SEND_LIMIT_REACHED', {
    detail: `${what} Try again in ${inWords}.`,
    retryAfterSeconds,
  });
}
