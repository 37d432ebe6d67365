import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Length, Matches, Max, MaxLength, Min } from 'class-validator';
import { PageQuery } from '../../common/page.request.js';

export const CONTENT_LENGTH_MAX = 16_000;
export const WAIT_SECONDS_MAX = 30;

export class SendMessageRequest {
  /**
   * The prompt, 1 to 16,000 characters.
   * @example 'Which three sights should I not miss in Lisbon?'
   */
  @IsString()
  @Length(1, CONTENT_LENGTH_MAX)
  @Matches(/\S/, { message: 'content must not be blank' })
  content!: string;
}

export class ListMessagesQuery extends PageQuery {
  /**
   * Read the conversation as it was in this version of it; see `version` of the chatroom. Without it, and with a version
   * that is not there yet: as it is now.
   * @example 1
   */
  @ApiProperty({ required: false, type: 'integer' })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  version?: number;
}

export class GetMessageQuery {
  /**
   * Wait up to this many seconds for the final state of a reply before answering.
   * @example 30
   */
  @ApiProperty({ required: false, type: 'integer' })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(WAIT_SECONDS_MAX)
  wait: number = 0;
}

export class StreamQuery {
  /** Instead of an access token: as it comes in the `streamUrl` of a 202. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  ticket?: string;

  /** Resume after this event, for clients that cannot send `Last-Event-ID`. */
  @IsOptional()
  @IsString()
  @MaxLength(40)
  lastEventId?: string;
}
