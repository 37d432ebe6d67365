import { Controller, Get, type StreamableFile } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { CurrentUserId } from '../common/current-user.js';
import { ExportService } from './export.service.js';

const EXAMPLE = `{"type":"user","id":"0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d","mobile":"+14155552671", …}
{"type":"session","id":"0199f2c0-2222-7c11-9f0e-3f1f6a1b2c3d","device":"Chrome on Windows", …}
{"type":"auth_event","id":"0199f2c0-3333-7c11-9f0e-3f1f6a1b2c3d","kind":"signed_in", …}
{"type":"chatroom","id":"0199f2c0-0000-7c11-9f0e-3f1f6a1b2c3d","title":"Holiday plans", …}
{"type":"message","id":"0199f2c0-1111-7c11-9f0e-3f1f6a1b2c3d","role":"user","content":"Hello", …}
{"type":"end","counts":{"user":1,"subscription":0,"session":1,"auth_event":1,"chatroom":1,"message":1,"charge":1}}
`;

@ApiTags('Users')
@ApiBearerAuth()
@Controller('v1/users/me/export')
export class ExportController {
  constructor(private readonly exports: ExportService) {}

  /**
   * Download everything that is yours
   *
   * @remarks One JSON object a line (NDJSON), each with a `type`: `user`, `subscription` (once there was one), `session`
   * (a device that is signed in), `auth_event` (a sign-in and the like), `chatroom`, `message` (oldest first, all states) and `charge` (a prompt that counts against its day), with the fields that the other
   * routes answer. The last line is `{"type":"end","counts":{…}}`: **without it the download is incomplete**, and is to be
   * started again. What is written meanwhile may or may not be part of it.
   */
  @Get()
  @ApiOkResponse({
    content: { 'application/x-ndjson': { schema: { type: 'string', example: EXAMPLE } } },
  })
  get(@CurrentUserId() userId: string): Promise<StreamableFile> {
    return this.exports.stream(userId);
  }
}
