import type { LocalSettings } from './settings.js';

export interface BannerFacts {
  settings: LocalSettings;
  /** The environment that the app was given. */
  env: Record<string, string>;
  dataDir: string;
  seconds: number;
  colour: boolean;
}

/** What a person needs to go on, once everything answers. */
export function banner({ settings, env, dataDir, seconds, colour }: BannerFacts): string {
  const { embedded, port } = settings;
  const api = `http://localhost:${port}`;
  const phone = embedded.sms ? new URL(env.OTP_WEBHOOK_URL ?? '').origin : undefined;
  const rows: [string, string | undefined][] = [
    ['API', `${api}/v1`],
    ['Swagger UI', `${api}/docs`],
    [
      'Gemini',
      embedded.gemini
        ? `${env.GEMINI_BASE_URL ?? ''}  (simulated)`
        : (env.GEMINI_BASE_URL ?? "Google's, with GEMINI_API_KEY"),
    ],
    [
      'Stripe',
      embedded.stripe
        ? `${env.STRIPE_API_BASE ?? ''}  (simulated: open it for subscriptions, the portal and the clock)`
        : (env.STRIPE_API_BASE ?? "Stripe's, with STRIPE_SECRET_KEY"),
    ],
    [
      'Phone',
      phone
        ? `${phone}  (simulated: open it to read the messages with codes)`
        : `codes go where OTP_DELIVERY=${env.OTP_DELIVERY ?? 'response'} says`,
    ],
    [
      'Front end',
      `${env.FRONTEND_URL ?? ''}${embedded.frontEnd ? '  (a stand-in; set FRONTEND_URL to yours)' : ''}`,
    ],
    ['PostgreSQL', embedded.postgres ? env.DATABASE_URL : 'yours, from DATABASE_URL'],
    ['Redis', embedded.redis ? env.REDIS_URL : 'yours, from REDIS_URL'],
    ['Data', `${dataDir}  (delete it to start afresh)`],
  ];
  const bold = (text: string): string => (colour ? `\u001b[1m${text}\u001b[22m` : text);
  return [
    '',
    ...rows.map(([label, value]) => `  ${bold(label.padEnd(11))} ${value ?? ''}`),
    '',
    `${bold('Try this')} in another terminal:`,
    '',
    ...tryThis(`${api}/v1`, env.OTP_DELIVERY, phone),
    '',
    bold(`ready in ${seconds.toFixed(1)} s, Ctrl-C stops everything`),
    '',
  ].join('\n');
}

/**
 * Three lines to paste into sh, bash or zsh: helpers, signing in, asking. They need curl and the node that is running this. The number
 * is a new one each second (a number is sent one code a minute), and differs in front (so are numbers that look alike);
 * nothing is ever sent to it.
 */
function tryThis(api: string, delivery = 'response', phone?: string): string[] {
  if (delivery !== 'response' && phone === undefined) {
    return [
      `In Swagger UI: send-otp with your number, verify-otp with the code from ${delivery}, Authorize.`,
    ];
  }
  const post = `curl -s ${api}/$1 -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d "$2"`;
  const pick = `node -pe "JSON.parse(fs.readFileSync(0)).$1"`;
  const send = `post auth/send-otp "{\\"mobile\\":\\"$MOBILE\\"}"`;
  const signIn = [
    'MOBILE=+9198$(date +%S%M%H%d)',
    delivery === 'response'
      ? `OTP=$(${send} | pick otp)`
      : `OTP=$(${send} >/dev/null; curl -s "${phone ?? ''}/messages?wait=10&to=%2B\${MOBILE#+}" | pick 'at(0).code')`,
    `TOKEN=$(post auth/verify-otp "{\\"mobile\\":\\"$MOBILE\\",\\"otp\\":\\"$OTP\\"}" | pick accessToken)`,
  ];
  const ask = [
    `ROOM=$(post chatrooms '{"title":"Hello"}' | pick id)`,
    `MESSAGE=$(post chatrooms/$ROOM/messages '{"content":"Why is the sky blue?"}' | pick reply.id)`,
    `curl -s "${api}/chatrooms/$ROOM/messages/$MESSAGE?wait=30" -H "Authorization: Bearer $TOKEN" | pick content`,
  ];
  return [`post() { ${post}; }; pick() { ${pick}; }`, signIn.join('; '), ask.join('; ')];
}
