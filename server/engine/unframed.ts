// One stream out of a connection on which an engine packs two outputs into frames, as it does without a terminal.
import { Duplex } from 'node:stream';

const HEAD = 8;
const STDERR = 2;

/** `onStderr` gets the other output; half-close of the program's output ends the stream. */
export function unframed(connection: Duplex, onStderr: (text: string) => void): Duplex {
  const take = createUnframer({
    output: piece => {
      if (!stream.push(piece)) connection.pause();
    },
    error: piece => onStderr(piece.toString('utf8')),
  });
  const stream: Duplex = new Duplex({
    read: () => void connection.resume(),
    write(chunk: Buffer, _encoding, done) {
      if (connection.write(chunk)) return done();
      const go = (): void => {
        connection.off('drain', go).off('close', go);
        done();
      };
      connection.on('drain', go).on('close', go);
    },
    final(done) {
      connection.end();
      done();
    },
    destroy(error, done) {
      connection.destroy();
      done(error);
    },
  });
  connection.on('data', take);
  connection.on('error', error => stream.destroy(error));
  connection.on('end', () => void stream.push(null));
  connection.on('close', () => stream.destroy());
  return stream;
}

type Outlets = { readonly output: (piece: Buffer) => void; readonly error: (piece: Buffer) => void };

/** Gives pieces as they come; a frame may lie in many of them, and many frames in one. */
export function createUnframer({ output, error }: Outlets): (chunk: Buffer) => void {
  let head = Buffer.alloc(0);
  let missing = 0;
  let kind = 0;
  return chunk => {
    let rest = chunk;
    while (rest.length > 0) {
      if (missing === 0) {
        const needed = HEAD - head.length;
        head = Buffer.concat([head, rest.subarray(0, needed)]);
        rest = rest.subarray(needed);
        if (head.length < HEAD) return;
        kind = head[0] ?? 0;
        missing = head.readUInt32BE(4);
        head = Buffer.alloc(0);
        continue;
      }
      const piece = rest.subarray(0, missing);
      missing -= piece.length;
      rest = rest.subarray(piece.length);
      if (kind === STDERR) error(piece);
      else output(piece);
    }
  };
}
