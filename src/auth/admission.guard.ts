import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { JwtAuthGuard } from './jwt-auth.guard.js';
import { IpThrottlerGuard } from '../common/throttling.js';

/**
 * Global, first: may this address try at all, and who is it? Redis is asked both at once. Who tries too often hears of
 * that, and not whether the token was right.
 */
@Injectable()
export class AdmissionGuard implements CanActivate {
  constructor(
    private readonly addresses: IpThrottlerGuard,
    private readonly people: JwtAuthGuard,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const decisions = await Promise.allSettled([
      this.addresses.canActivate(context),
      this.people.canActivate(context),
    ]);
    for (const decision of decisions) if (decision.status === 'rejected') throw decision.reason;
    return true;
  }
}
