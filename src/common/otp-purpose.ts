/** What a one-time code is good for; a code for one purpose is worthless for another. */
export type OtpPurpose = 'sign-in' | 'reset-password';
