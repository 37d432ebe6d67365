import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * What a local run needs and nobody has chosen. Those of the simulated services say so: in production the app refuses them.
 */
export interface LocalSecrets {
  jwtSecret: string;
  geminiApiKey: string;
  stripeSecretKey: string;
  stripeWebhookSecret: string;
  smsWebhookSecret: string;
}

function generate(): LocalSecrets {
  const random = (): string => randomBytes(24).toString('hex');
  return {
    jwtSecret: randomBytes(48).toString('base64url'),
    geminiApiKey: `simulated-${random()}`,
    stripeSecretKey: `sk_test_simulated_${random()}`,
    stripeWebhookSecret: `whsec_simulated_${random()}`,
    smsWebhookSecret: `simulated_${random()}`,
  };
}

/** Made once and kept, so that people stay signed in between two starts. A value that is missing in the file is added. */
export function keepSecrets(path: string): LocalSecrets {
  const secrets = { ...generate(), ...read(path) };
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}

function read(path: string): Partial<LocalSecrets> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Partial<LocalSecrets>;
  } catch {
    return {};
  }
}
