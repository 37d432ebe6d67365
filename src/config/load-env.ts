import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { Env, SETTING_NAMES } from './env.js';
import { findUnsafeSettings } from './unsafe-settings.js';

/** Thrown at boot. Names the settings that are wrong, never their values: this text ends in logs. */
export class InvalidEnvError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The settings are not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'InvalidEnvError';
  }
}

/** @param source a blank string counts as not set. */
export function loadEnv(source: Record<string, string | undefined> = process.env): Env {
  const known = new Set(SETTING_NAMES);
  const given = Object.fromEntries(
    Object.entries(source).filter(
      ([key, value]) => known.has(key) && value !== undefined && value.trim() !== '',
    ),
  );
  const env = plainToInstance(Env, given, { exposeDefaultValues: true });
  if (given.OTP_DELIVERY === undefined && env.NODE_ENV !== 'production') env.OTP_DELIVERY = 'response';

  const problems = validateSync(env, { validationError: { target: false, value: false } }).map((error) =>
    given[error.property] === undefined
      ? `${error.property} is not set`
      : Object.values(error.constraints ?? {}).join('; '),
  );
  if (problems.length === 0) problems.push(...findUnsafeSettings(env));
  if (problems.length > 0) throw new InvalidEnvError(problems);
  return env;
}

/** The one setting that migrations need: they run before, and without, everything else. */
export function loadDatabaseUrl(): string {
  loadEnvFile();
  const url = process.env.DATABASE_URL;
  if (!url) throw new InvalidEnvError(['DATABASE_URL is not set']);
  return url;
}

/** Reads `.env` beside package.json, if there is one. What the environment already has wins. */
export function loadEnvFile(): void {
  try {
    process.loadEnvFile();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
