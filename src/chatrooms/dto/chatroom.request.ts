import { ApiProperty, PartialType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsOptional, IsString, Length, Matches, ValidateIf } from 'class-validator';
import { PageQuery } from '../../common/page.request.js';

const trim = ({ value }: { value: unknown }): unknown => (typeof value === 'string' ? value.trim() : value);

/** A query has no types: `true` and `false` are words in it. */
const toBoolean = ({ value }: { value: unknown }): unknown =>
  value === 'true' || value === 'false' ? value === 'true' : value;

export class CreateChatroomRequest {
  /**
   * What the room is called. A room made without one gets a title from its first exchange, unless the server has that
   * switched off. What you change it to later, null (no title) too, is kept.
   * @example 'Holiday plans'
   */
  @IsOptional()
  @Transform(trim)
  @IsString()
  @Length(1, 200)
  title?: string | null;

  /**
   * How the model should behave in this room.
   * @example 'You are a patient travel guide. Answer in two sentences.'
   */
  @IsOptional()
  @Transform(trim)
  @IsString()
  @Length(1, 8000)
  systemInstruction?: string | null;

  /**
   * A model that this server offers (setting GEMINI_MODELS); null or left out for its default.
   * @example 'gemini-3.8-flash'
   */
  @IsOptional()
  @IsString()
  @Matches(/^[a-z0-9.-]{1,60}$/, { message: 'model must be the name of a model' })
  model?: string | null;
}

/** Only what is given is changed; null takes a value away. */
export class UpdateChatroomRequest extends PartialType(CreateChatroomRequest) {
  /** Whether the room stands above the others in the list. */
  @ValidateIf((dto: UpdateChatroomRequest) => dto.pinned !== undefined)
  @IsBoolean()
  pinned?: boolean;

  /** Whether the room is left out of the list. It works as before; a new prompt does not bring it back. */
  @ValidateIf((dto: UpdateChatroomRequest) => dto.archived !== undefined)
  @IsBoolean()
  archived?: boolean;
}

export class ListChatroomsQuery extends PageQuery {
  /** `true`: your archived rooms, instead of the others. */
  @ApiProperty({ required: false, type: 'boolean', default: false })
  @IsOptional()
  @Transform(toBoolean)
  @IsBoolean()
  archived: boolean = false;

  /**
   * Only rooms whose title holds this text, whatever the case of its letters.
   * @example 'holiday'
   */
  @IsOptional()
  @Transform(trim)
  @IsString()
  @Length(1, 200)
  q?: string;
}
