export class WebhookResponse {
  /** @example true */
  received!: boolean;
}
