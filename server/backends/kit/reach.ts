// The socket of a guest on this machine, which is gone with the guest.
import { fail } from '../../core/errors.ts';
import { errorCodeOf } from '../../platform/files.ts';
import { connect } from '../../platform/sockets.ts';

export async function reach(socket: string): ReturnType<typeof connect> {
  try {
    return await connect(socket);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code !== 'ENOENT' && code !== 'ECONNREFUSED') throw error;
    return fail('not-running', 'the guest has ended', { hint: 'start it again with heyvm start' });
  }
}
