import { access } from 'node:fs/promises';
import { exec, lastLines } from '../io/exec.ts';

/** Who may sign, in the form of ssh-keygen's ALLOWED SIGNERS, in the root of the tree. */
export const signersFile = 'preflight.signers';

/** A signature that was made for another purpose (a commit, say) is none for this one. https://man.openbsd.org/ssh-keygen.1#Y */
const namespace = 'preflight';
const timeoutMs = 10_000;

/**
 * Signs a file with an SSH key; the signature stands beside it, with `.sig` after its name. A public key's file asks the agent.
 * @throws with what ssh-keygen says: no such key, a passphrase that nobody can type here.
 */
export async function signFile(file: string, key: string): Promise<void> {
  const result = await sshKeygen(['-Y', 'sign', '-n', namespace, '-f', key, file]);
  if (result.code !== 0) throw new Error(`${key} does not sign: ${lastLines(result, 2)}`);
}

/** Whose signature it is, or why it is none. */
export type Signed = { signer: string } | { refusal: string };

/** Asks in this order: does the signature fit the text, is its key known, may its owner sign this. */
export async function checkSignature(text: string, signature: string, signers: string): Promise<Signed> {
  const ask = (...args: string[]) => sshKeygen(['-Y', ...args, '-s', signature], text);
  const fits = await ask('check-novalidate', '-n', namespace);
  if (fits.code !== 0)
    return { refusal: 'bad signature: it does not fit the statement, or was not made for preflight' };
  if (!(await isThere(signers))) return { refusal: `unknown signer: this tree has no ${signersFile}` };
  const found = await ask('find-principals', '-f', signers);
  const signer = found.stdout.split('\n')[0]?.trim() ?? '';
  if (found.code !== 0 || signer === '') return { refusal: `unknown signer: its key is not in ${signersFile}` };
  const accepted = await ask('verify', '-f', signers, '-I', signer, '-n', namespace);
  return accepted.code === 0
    ? { signer }
    : { refusal: `unknown signer: ${signersFile} does not let ${signer} sign this` };
}

/** No terminal is given, so that it never waits for a passphrase. */
function sshKeygen(args: readonly string[], input = '') {
  return exec('ssh-keygen', args, { input, timeoutMs, env: { ...process.env, SSH_ASKPASS_REQUIRE: 'never' } });
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
