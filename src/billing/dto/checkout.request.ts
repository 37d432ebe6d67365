import { IsIn, IsOptional } from 'class-validator';
import { OptionalBody } from '../../common/optional-body.js';

export type Interval = 'month' | 'year';

@OptionalBody()
export class CheckoutRequest {
  /**
   * How often Pro is paid. By the year only where it is sold so.
   * @example 'month'
   */
  @IsOptional()
  @IsIn(['month', 'year'])
  interval: Interval = 'month';
}
