import type { OtpPurpose } from '../common/otp-purpose.js';

const FOR: Record<OtpPurpose, string> = {
  'sign-in': 'to sign in',
  'reset-password': 'to set a new password',
  'change-number': 'to make this number yours',
  'delete-account': 'to delete your account',
};

/** What a phone shows. One SMS segment (where the name is in Latin letters), and never a link: what has one is not from us. */
export function otpText(purpose: OtpPurpose, code: string, appName: string, minutes: number): string {
  const life = minutes === 1 ? '1 minute' : `${minutes} minutes`;
  return `${code} is your ${appName} code ${FOR[purpose]}. It is good for ${life}. Never tell it to anybody.`;
}
