import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { CurrentUserId } from '../common/current-user.js';
import { tierAt } from '../users/user.entity.js';
import { UsersService } from '../users/users.service.js';
import { UsageResponse } from './dto/usage.response.js';
import { QuotaService } from './quota.service.js';

@ApiTags('Users')
@ApiBearerAuth()
@Controller('v1/users/me/usage')
export class UsageController {
  constructor(
    private readonly users: UsersService,
    private readonly quota: QuotaService,
  ) {}

  /** How many of today's prompts are used, and when the next day begins */
  @Get()
  async get(@CurrentUserId() userId: string): Promise<UsageResponse> {
    const tier = tierAt(await this.users.load(userId), new Date());
    return UsageResponse.from(tier, await this.quota.state(userId, tier));
  }
}
