import 'reflect-metadata';
import {
  ArrayNotEmpty,
  IsArray,
  IsIn,
  IsNotEmpty,
  IsOptional,
  IsString,
  IsUrl,
  Matches,
  MinLength,
} from 'class-validator';
import { AreAddressRanges } from './address-range.js';
import { RetentionSettings } from './env/retention-settings.js';
import { Rate } from './env/rate.js';
import { Flag, Integer, List, Rates, URL_OPTIONS } from './env/rules.js';

export type ProcessRole = 'all' | 'api' | 'worker';

/**
 * Every setting of the product: name, type, range and default. `.env.example` and the table in README.md say the
 * same in prose (a test compares the names). Only load-env.ts reads `process.env`. Those of features with many are
 * classes in env/ that this one extends, one by way of the other.
 */
export class Env extends RetentionSettings {
  @IsIn(['development', 'test', 'production'])
  NODE_ENV: 'development' | 'test' | 'production' = 'development';

  /** What this process does: HTTP, queue workers, or both. */
  @IsIn(['all', 'api', 'worker'])
  PROCESS_ROLE: ProcessRole = 'all';

  /** Address to listen on. */
  @IsString()
  @IsNotEmpty()
  HOST = '0.0.0.0';

  /** TCP port; 0 takes a free one. */
  @Integer(0, 65_535)
  PORT = 5000;

  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  LOG_LEVEL = 'info';

  /** Each line has the id of the request or job that it was written for; always so with traces, and from Node 24 on. */
  @Flag()
  LOG_CONTEXT = false;

  /** Addresses or CIDR ranges of proxies whose `X-Forwarded-For` is believed, comma-separated; none by default. */
  @List()
  @AreAddressRanges()
  TRUSTED_PROXIES: string[] = [];

  /** Where the front end lives: the CORS origin, and where Stripe Checkout sends people back to. */
  @IsUrl({ ...URL_OPTIONS, protocols: ['http', 'https'] })
  FRONTEND_URL = 'http://localhost:3000';

  /** PostgreSQL 15 or newer. */
  @IsUrl({ ...URL_OPTIONS, protocols: ['postgres', 'postgresql'] })
  DATABASE_URL!: string;

  /** Connections per process. */
  @Integer(1, 1000)
  DATABASE_POOL_SIZE = 10;

  /** A streaming replica of it, for reads that may be somewhat old: search and export. */
  @IsOptional()
  @IsUrl({ ...URL_OPTIONS, protocols: ['postgres', 'postgresql'] })
  DATABASE_REPLICA_URL?: string;

  /** How far behind the replica may be to be read, ms. */
  @Integer(100, 3_600_000)
  DATABASE_REPLICA_LAG_MS = 5000;

  /** Redis 6.2 or newer, or Valkey; must not evict (`maxmemory-policy noeviction`). Of a cluster: some of its nodes, comma-separated. */
  @List()
  @ArrayNotEmpty()
  @IsUrl({ ...URL_OPTIONS, protocols: ['redis', 'rediss'] }, { each: true })
  REDIS_URL!: [string, ...string[]];

  /** Whether REDIS_URL is a Redis Cluster. User, password and TLS of its first URL are those of all nodes. */
  @Flag()
  REDIS_CLUSTER = false;

  /**
   * Secrets, comma-separated: the first signs access tokens, all verify them, so that a secret can be replaced while
   * people stay signed in. Every other server key is derived from them. 32 characters or more each (RFC 7518, 3.2).
   */
  @List()
  @IsString({ each: true })
  @MinLength(32, { each: true })
  JWT_SECRET!: [string, ...string[]];

  /** Lifetime of an access token, seconds. */
  @Integer(1, 86_400)
  JWT_TTL_SECONDS = 900;

  /** Longest that a person stays signed in on one device, however much they use it, seconds. */
  @Integer(1, 31_536_000)
  SESSION_TTL_SECONDS = 2_592_000;

  /**
   * A session that is not refreshed for this long ends, seconds. Two weeks: who comes back from a holiday is still signed
   * in, and a device that was lost or sold is not for the whole of SESSION_TTL_SECONDS.
   */
  @Integer(1, 31_536_000)
  SESSION_IDLE_SECONDS = 1_209_600;

  /** How long a refresh token may be sent again after it was used, for who did not get the answer, seconds. */
  @Integer(0, 300)
  REFRESH_GRACE_SECONDS = 10;

  /** Sessions of one person at once; one more ends the one that was unused the longest. */
  @Integer(1, 1000)
  SESSIONS_PER_USER_MAX = 50;

  /** How long a `streamUrl` can be opened, seconds. */
  @Integer(1, 86_400)
  STREAM_TICKET_TTL_SECONDS = 600;

  /** How long a sign-up waits for its number to be verified, seconds. */
  @Integer(1, 86_400)
  SIGNUP_TTL_SECONDS = 900;

  /** Sign-ups with a password from one address; of IPv6, from one /64. As many as codes can be asked for from there. */
  @Rates()
  SIGNUPS_PER_ADDRESS = Rate.listOf('30/5m,150/1h');

  /** Memory of a password hash (argon2id), KiB (OWASP Password Storage). Hashes follow at each person's next login. */
  @Integer(1024, 4_194_304)
  PASSWORD_HASH_MEMORY_KIB = 19_456;

  /** Passes over that memory. */
  @Integer(1, 100)
  PASSWORD_HASH_PASSES = 2;

  /** Passwords hashed or compared at once by one process; 0: one less than it has cores, but one. */
  @Integer(0, 1024)
  PASSWORD_HASH_PARALLEL = 0;

  /** Passwords that wait for that; one more is refused (PASSWORDS_BUSY). */
  @Integer(1, 100_000)
  PASSWORD_HASH_WAITING_MAX = 100;

  /** How far hashing steps back behind everything else the machine does: niceness of its threads (Linux); 0 to 19. */
  @Integer(0, 19)
  PASSWORD_HASH_NICE = 10;

  /** Wrong passwords in a row that lock a number (for passwords, not for codes); forgotten a day after the last. */
  @Integer(1, 1_000_000)
  PASSWORD_MAX_GUESSES = 10;

  /** Wrong passwords from one address in a window, for whatever numbers. */
  @Integer(1, 1_000_000)
  PASSWORD_MAX_GUESSES_PER_IP = 30;

  /** That window, seconds. */
  @Integer(1, 86_400)
  PASSWORD_GUESS_WINDOW_SECONDS = 900;

  /** First lock of a number, seconds; doubles with each wrong password after it. */
  @Integer(1, 86_400)
  PASSWORD_LOCK_SECONDS = 60;

  /** Longest lock, seconds; the guesses are forgotten a day after its end. */
  @Integer(1, 86_400)
  PASSWORD_LOCK_MAX_SECONDS = 3600;

  /** Requests a minute from one address. */
  @Integer(1, 1_000_000)
  THROTTLE_IP_PER_MINUTE = 600;

  /** Requests a minute by one signed-in person. */
  @Integer(1, 1_000_000)
  THROTTLE_USER_PER_MINUTE = 240;

  /** Prompts a UTC day for the Basic tier. */
  @Integer(0, 1_000_000)
  BASIC_DAILY_PROMPTS = 5;

  /** Prompts that may wait for a reply at once, in one room. */
  @Integer(1, 100_000)
  ROOM_UNANSWERED_MAX = 10;

  /** Prompts that may wait for a reply at once, of one person. */
  @Integer(1, 100_000)
  USER_UNANSWERED_MAX = 50;

  /** How long the answer to a request with an `Idempotency-Key` is kept, seconds. */
  @Integer(1, 2_592_000)
  IDEMPOTENCY_TTL_SECONDS = 86_400;

  @IsString()
  @IsNotEmpty()
  GEMINI_API_KEY!: string;

  /** Model used where a room names none. */
  @IsString()
  @IsNotEmpty()
  GEMINI_MODEL = 'gemini-3.8-flash';

  /** Models that a room may ask for, comma-separated. */
  @List()
  @IsArray()
  @Matches(/^[a-z0-9.-]{1,60}$/, { each: true })
  GEMINI_MODELS = ['gemini-3.8-flash', 'gemini-3.5-flash-lite'];

  @IsUrl({ ...URL_OPTIONS, protocols: ['http', 'https'] })
  GEMINI_BASE_URL = 'https://generativelanguage.googleapis.com';

  /** Longest one call to Gemini may take, ms. */
  @Integer(1, 600_000)
  GEMINI_TIMEOUT_MS = 60_000;

  /** Longest wait from the call to the first frame of the answer, ms. */
  @Integer(1, 600_000)
  GEMINI_FIRST_BYTE_TIMEOUT_MS = 20_000;

  /** Longest silence between two frames of an answer, ms. */
  @Integer(1, 600_000)
  GEMINI_IDLE_TIMEOUT_MS = 15_000;

  /** Longest reply, tokens. */
  @Integer(1, 1_000_000)
  GEMINI_MAX_OUTPUT_TOKENS = 4096;

  /**
   * Size of one request, tokens (estimated, three characters each): the room's instruction and the prompt, which are
   * always sent whole even where they alone are larger, and as many of the newest turns as fit beside them, whole.
   */
  @Integer(100, 2_000_000)
  CONTEXT_TOKEN_BUDGET = 32_000;

  /** Replies generated at once by one worker process. */
  @Integer(1, 10_000)
  REPLY_CONCURRENCY = 200;

  /** Whether a room that was made without a title gets one from its first exchange. */
  @Flag()
  TITLES_ENABLED = true;

  /** Model that makes titles: a cheap one. */
  @IsString()
  @IsNotEmpty()
  TITLE_MODEL = 'gemini-3.5-flash-lite';

  /** Tries at one reply before it has failed. */
  @Integer(1, 100)
  REPLY_MAX_ATTEMPTS = 4;

  /** First pause between two tries, ms; doubles with each. */
  @Integer(0, 60_000)
  REPLY_RETRY_BASE_MS = 1000;

  /** A Pro reply goes before the Basic ones that were accepted up to this long before it, seconds; 0: none. */
  @Integer(0, 86_400)
  PRO_HEAD_START_SECONDS = 30;

  /** After this long without a sign of life from its worker, a job is given to another, ms. */
  @Integer(1000, 600_000)
  QUEUE_LOCK_MS = 10_000;

  /** How often accepted work that has no job (Redis was lost, a process died) is queued again, ms. */
  @Integer(100, 3_600_000)
  SWEEP_INTERVAL_MS = 10_000;

  /** Rows that one statement removes of an account that is being deleted. */
  @Integer(1, 100_000)
  ACCOUNT_DELETION_BATCH = 1000;

  /** First pause before a deletion that could not go on (Stripe is away) is tried again, ms; doubles, up to an hour. */
  @Integer(1, 3_600_000)
  ACCOUNT_DELETION_RETRY_BASE_MS = 10_000;

  /** Swagger UI at `/docs`. */
  @Flag()
  DOCS_ENABLED = true;
}

/** Every setting there is; fields without a default are own properties too (define semantics of class fields). */
export const SETTING_NAMES = Object.keys(new Env());
