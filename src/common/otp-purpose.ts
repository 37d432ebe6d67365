/** What a one-time code is good for; a code for one purpose is worthless for another. */
export type OtpPurpose = 'sign-in' | 'reset-password' | 'change-number' | 'delete-account';

/** The one thing that a code can be used for. */
export interface OtpUse {
  purpose: OtpPurpose;
  /** E.164. */
  mobile: string;
  /** Who alone may use it; left out where it is whoever holds the number. */
  boundTo?: string | undefined;
}

/** Tells apart what codes of one number are for. */
export const scopeOf = ({ purpose, boundTo }: Omit<OtpUse, 'mobile'>): string =>
  boundTo === undefined ? purpose : `${purpose}:${boundTo}`;
