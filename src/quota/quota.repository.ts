import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { And, LessThan, MoreThanOrEqual, Repository } from 'typeorm';
import { firstIdAt } from '../common/id.js';
import { PromptCharge } from './prompt-charge.entity.js';

@Injectable()
export class QuotaRepository {
  constructor(@InjectRepository(PromptCharge) private readonly charges: Repository<PromptCharge>) {}

  /** The charges between two moments (epoch ms, the later one excluded): a range of the primary key. */
  async chargeIds(userId: string, from: number, to: number): Promise<string[]> {
    const rows = await this.charges.find({
      where: { userId, id: And(MoreThanOrEqual(firstIdAt(from)), LessThan(firstIdAt(to))) },
      select: { id: true },
    });
    return rows.map((row) => row.id);
  }
}
