import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What a command answers with, as far as an operator's commands need it: a status, a number, a text, or null. */
export type RedisAnswer = string | number | null;

const answerWithinMs = 2_000;
/** Longer than any answer that is asked for here. */
const mostAnswerBytes = 1_000_000;

/**
 * Sends one command on a connection of its own, as `redis-cli` does, and resolves when it is answered.
 * @throws when Redis refuses it, when there is no answer within two seconds, and for an answer with parts.
 */
export async function redisCommand(url: string, command: readonly string[]): Promise<RedisAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port || 6379), hostname);
  socket.setTimeout(answerWithinMs, () => socket.destroy(new Error('Redis did not answer in time')));
  try {
    await once(socket, 'connect');
    socket.write(encode(command));
    return await readAnswer(socket);
  } finally {
    socket.destroy();
  }
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

async function readAnswer(socket: Socket): Promise<RedisAnswer> {
  let seen = Buffer.alloc(0);
  for await (const chunk of socket) {
    seen = Buffer.concat([seen, chunk as Buffer]);
    if (seen.length > mostAnswerBytes) throw new Error('the answer of Redis is too long');
    const answer = parseAnswer(seen);
    if (answer !== undefined) return answer;
  }
  throw new Error('Redis closed the connection without an answer');
}

/** One whole answer, or undefined while more is to come. https://redis.io/docs/latest/develop/reference/protocol-spec/ */
export function parseAnswer(bytes: Buffer): RedisAnswer | undefined {
  const end = bytes.indexOf('\r\n');
  if (end < 0) return undefined;
  const kind = String.fromCharCode(bytes[0] ?? 0);
  const line = bytes.toString('utf8', 1, end);
  if (kind === '+') return line;
  if (kind === ':') return Number(line);
  if (kind === '-') throw new Error(`Redis refused: ${line}`);
  if (kind !== '$') throw new Error(`Redis answered in a way that is not expected here: ${kind}`);
  const length = Number(line);
  if (length < 0) return null;
  const from = end + 2;
  return bytes.length < from + length + 2 ? undefined : bytes.toString('utf8', from, from + length);
}
