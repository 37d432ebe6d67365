import {
  ArrayNotEmpty,
  IsArray,
  IsIn,
  IsISO8601,
  IsISO31661Alpha2,
  IsUrl,
  Matches,
  MinLength,
  ValidateIf,
} from 'class-validator';
import { OpsSettings } from './ops-settings.js';
import { Rate } from './rate.js';
import { Flag, Integer, List, Rates, URL_OPTIONS } from './rules.js';

export type OtpDeliveryChoice = 'response' | 'log' | 'twilio' | 'webhook';

/** One-time codes: their life, how they are delivered, and what bounds sending and guessing them. */
export class OtpSettings extends OpsSettings {
  /**
   * How a one-time code reaches its person. `response` returns it in the answer (and sends it to OTP_WEBHOOK_URL too,
   * where that is set); `log` prints it; `twilio` and `webhook` send a message.
   */
  @IsIn(['response', 'log', 'twilio', 'webhook'])
  OTP_DELIVERY!: OtpDeliveryChoice;

  /** Confirms, in production, an OTP_DELIVERY that shows codes to others than the owner of the number. */
  @Flag()
  OTP_DELIVERY_INSECURE_CONFIRMED = false;

  /** What people know the product by: its name in the message. No dots or slashes, so that no phone makes it a link. */
  @Matches(/^[\p{L}\p{M}\p{N} '&-]{1,30}$/u)
  OTP_APP_NAME = 'Chat';

  /** Where `webhook` posts messages to: the operator's own gateway. */
  @ValidateIf((env: OtpSettings) => env.OTP_DELIVERY === 'webhook' || env.OTP_WEBHOOK_URL !== '')
  @IsUrl(
    { ...URL_OPTIONS, protocols: ['http', 'https'], disallow_auth: true },
    { message: 'OTP_WEBHOOK_URL must be a URL address, without a user and password' },
  )
  OTP_WEBHOOK_URL = '';

  /** Signs those posts (HMAC-SHA256). 32 characters or more. */
  @ValidateIf((env: OtpSettings) => env.OTP_DELIVERY === 'webhook' || env.OTP_WEBHOOK_URL !== '')
  @MinLength(32)
  OTP_WEBHOOK_SECRET = '';

  @ValidateIf((env: OtpSettings) => env.OTP_DELIVERY === 'twilio')
  @Matches(/^AC[0-9a-fA-F]{32}$/)
  TWILIO_ACCOUNT_SID = '';

  @ValidateIf((env: OtpSettings) => env.OTP_DELIVERY === 'twilio')
  @MinLength(16)
  TWILIO_AUTH_TOKEN = '';

  /** Who messages come from: a number, an alphanumeric sender, or a messaging service (`MG…`). */
  @ValidateIf((env: OtpSettings) => env.OTP_DELIVERY === 'twilio')
  @Matches(/^(\+[1-9]\d{3,14}|MG[0-9a-fA-F]{32}|[A-Za-z0-9 ]{1,11})$/)
  TWILIO_FROM = '';

  @IsUrl({ ...URL_OPTIONS, protocols: ['http', 'https'] })
  TWILIO_API_BASE = 'https://api.twilio.com';

  /** Tries at one message before it has failed. They end with the life of the code in any case. */
  @Integer(1, 100)
  OTP_DELIVERY_MAX_ATTEMPTS = 5;

  /** First pause between two tries, ms; doubles with each. */
  @Integer(1, 60_000)
  OTP_DELIVERY_RETRY_BASE_MS = 1000;

  /** Longest one try may take, ms. */
  @Integer(1, 60_000)
  OTP_DELIVERY_TIMEOUT_MS = 10_000;

  /** Lifetime of a one-time code, seconds (ASVS 5, 6.5). */
  @Integer(1, 3600)
  OTP_TTL_SECONDS = 300;

  /** Pause between two codes to one number, seconds; ended by using the code (Supabase Auth). */
  @Integer(0, 3600)
  OTP_RESEND_SECONDS = 60;

  /** Codes sent to one number (Twilio Verify; the day: Firebase). */
  @Rates()
  OTP_SENDS_PER_NUMBER = Rate.listOf('5/10m,10/1d');

  /** Codes asked for from one address; of IPv6, from one /64 (Supabase Auth, GitLab). */
  @Rates()
  OTP_SENDS_PER_ADDRESS = Rate.listOf('30/5m,150/1h');

  /** Codes sent to numbers that differ in their last three digits: carriers hand out blocks of a thousand, pumping buys them. */
  @Rates()
  OTP_SENDS_PER_PREFIX = Rate.listOf('10/1h');

  /** Codes sent to one country calling code: what a flood of one country can cost at most (some USD 100 an hour). */
  @Rates()
  OTP_SENDS_PER_DIAL_CODE = Rate.listOf('1000/1h');

  /** Codes sent in all. */
  @Rates()
  OTP_SENDS_TOTAL = Rate.listOf('5000/1h');

  /** Countries that codes are sent to, ISO 3166-1 (`DE,IN,US`); all when none is named. */
  @List()
  @IsArray()
  @IsISO31661Alpha2({ each: true })
  @Matches(/^[A-Z]{2}$/, { each: true, message: 'OTP_COUNTRIES must be countries such as DE,IN,US' })
  OTP_COUNTRIES: string[] = [];

  /** Guesses per code (Twilio Verify). */
  @Integer(1, 100)
  OTP_MAX_GUESSES = 5;

  /** Wrong guesses at the codes of one number, of any purpose. */
  @Rates()
  OTP_GUESSES_PER_NUMBER = Rate.listOf('50/1d');

  /** Wrong guesses from one address, at any number: twice as many as codes can be asked for from there. */
  @Rates()
  OTP_GUESSES_PER_ADDRESS = Rate.listOf('300/1h');

  /** Wrong guesses in a row at one number, over all its codes, after which it is locked (NIST SP 800-63B-4, 3.2.2). */
  @Integer(1, 1_000_000)
  OTP_LOCK_AFTER_FAILURES = 100;

  /** How long the first lock lasts, seconds; each further failure doubles it (NIST: 30 s up to an hour). */
  @Integer(1, 86_400)
  OTP_LOCK_BASE_SECONDS = 30;

  /** Longest lock, seconds. */
  @Integer(1, 2_592_000)
  OTP_LOCK_MAX_SECONDS = 3600;

  /** Numbers with a fixed code that nothing is sent to, for store reviews and tests: `+15555550100=123456,…`. */
  @ValidateIf((env: OtpSettings) => env.OTP_TEST_NUMBERS.length > 0 || env.OTP_TEST_NUMBERS_UNTIL !== '')
  @List()
  @ArrayNotEmpty()
  @Matches(/^\+[1-9]\d{6,14}=\d{6}$/, {
    each: true,
    message: 'OTP_TEST_NUMBERS must be numbers with their codes such as +15555550100=123456',
  })
  OTP_TEST_NUMBERS: string[] = [];

  /** Last day (UTC) on which they sign in: `2027-01-31`. */
  @ValidateIf((env: OtpSettings) => env.OTP_TEST_NUMBERS.length > 0 || env.OTP_TEST_NUMBERS_UNTIL !== '')
  @IsISO8601({ strict: true }, { message: 'OTP_TEST_NUMBERS_UNTIL must be a date such as 2027-01-31' })
  @Matches(/^\d{4}-\d\d-\d\d$/, { message: 'OTP_TEST_NUMBERS_UNTIL must be a date such as 2027-01-31' })
  OTP_TEST_NUMBERS_UNTIL = '';
}
