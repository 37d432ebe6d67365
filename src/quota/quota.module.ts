import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { UsersModule } from '../users/users.module.js';
import { PromptCharge } from './prompt-charge.entity.js';
import { QuotaRepository } from './quota.repository.js';
import { QuotaService } from './quota.service.js';
import { ReservationInterceptor, TierLimitGuard } from './tier-limit.guard.js';
import { Tiers } from './tiers.js';
import { UsageController } from './usage.controller.js';

@Module({
  imports: [TypeOrmModule.forFeature([PromptCharge]), UsersModule],
  controllers: [UsageController],
  providers: [QuotaService, QuotaRepository, Tiers, TierLimitGuard, ReservationInterceptor],
  exports: [QuotaService, Tiers, UsersModule],
})
export class QuotaModule {}
