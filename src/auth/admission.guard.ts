import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { IpThrottlerGuard, UserThrottlerGuard } from '../common/throttling.js';
import { JwtAuthGuard } from './jwt-auth.guard.js';

/**
 * Global: may this address try at all, who is it, and may this person ask for more? Redis is asked the first two at once.
 * Who tries too often hears of that, and not whether the token was right.
 */
@Injectable()
export class AdmissionGuard implements CanActivate {
  constructor(
    private readonly addresses: IpThrottlerGuard,
    private readonly people: JwtAuthGuard,
    private readonly requests: UserThrottlerGuard,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const counted = this.addresses.canActivate(context);
    // It is awaited below, whatever comes first.
    counted.catch(() => undefined);
    try {
      await this.people.canActivate(context);
    } finally {
      await counted;
    }
    return this.requests.canActivate(context);
  }
}
