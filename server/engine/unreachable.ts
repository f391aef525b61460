// Why an engine cannot be reached, and what a person does about it.
import { accessSync, constants, existsSync } from 'node:fs';
import { SandboxError } from '../core/errors.ts';
import { errorCodeOf } from '../platform/files.ts';
import { type Address, formatAddress } from './address.ts';
import { engineProgram } from './program.ts';

/** Every failure below HTTP becomes `backend-missing`; what broke in the middle can be tried again. */
export function explainConnection(address: Address, error: unknown): SandboxError {
  if (error instanceof SandboxError) return error;
  const code = errorCodeOf(error) ?? '';
  const said = error instanceof Error ? error.message : String(error);
  const { what, fix } = explain(address, code, said);
  return new SandboxError(
    'backend-missing',
    what ?? `the engine at ${formatAddress(address)} broke off: ${said}`,
    {
      hint: fix,
      cause: error,
    },
  );
}

type Explained = { readonly what?: string; readonly fix: string };

function explain(address: Address, code: string, said: string): Explained {
  switch (address.kind) {
    case 'unix':
      return overSocket(address.path, code);
    case 'tcp':
      return overNetwork(address, code);
    case 'ssh':
      return {
        what: `cannot reach the engine at ${formatAddress(address)}: ${said}`,
        fix: `check that this works without a question: ssh ${formatAddress(address)} ${engineProgram} version`,
      };
  }
}

const AGAIN = 'repeat the command when the engine is back';

function overSocket(path: string, code: string): Explained {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return {
        what: `no engine has a socket at ${path}`,
        fix: 'install Docker or Podman and start it, for example: apt install docker.io, or name its socket with DOCKER_HOST or --connect',
      };
    case 'ECONNREFUSED':
      return {
        what: `the engine behind ${path} is not running`,
        fix: `start it, for example: systemctl ${path.startsWith('/run/user/') ? '--user ' : ''}start docker`,
      };
    case 'EACCES':
    case 'EPERM':
      return { what: `this user may not talk to the engine at ${path}`, fix: permissionFix(path) };
    case 'ETIMEDOUT':
      return {
        what: `the engine at ${path} does not answer`,
        fix: 'restart it, for example: systemctl restart docker',
      };
    default:
      return { fix: AGAIN };
  }
}

function permissionFix(path: string): string {
  const rootless = 'run a rootless engine: dockerd-rootless-setuptool.sh install';
  if (!existsSync(path)) return `make the folder of ${path} accessible to this user, or ${rootless}`;
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return AGAIN;
  } catch {
    // Reading and writing are what the group of the socket grants, and this user is not in it.
    return `add this user to the group docker (sudo usermod -aG docker "$USER", then log in again), which makes it as powerful as root; or ${rootless}`;
  }
}

function overNetwork(address: Address, code: string): Explained {
  const where = formatAddress(address);
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { what: `the host of ${where} is not known`, fix: 'correct DOCKER_HOST or the docker context' };
    case 'ECONNREFUSED':
      return {
        what: `no engine listens at ${where}`,
        fix: 'start it, or correct DOCKER_HOST or the docker context',
      };
    case 'ENOENT':
      return {
        what: `the certificates for ${where} are missing`,
        fix: 'put ca.pem, cert.pem and key.pem into the folder that DOCKER_CERT_PATH names',
      };
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return { what: `the engine at ${where} does not answer`, fix: 'check the network and the address' };
    default:
      return isCertificate(code)
        ? {
            what: `the certificate of ${where} is not trusted (${code})`,
            fix: 'check DOCKER_CERT_PATH and its ca.pem',
          }
        : { fix: AGAIN };
  }
}

function isCertificate(code: string): boolean {
  return /CERT|SIGNED|ISSUER|ALTNAME/.test(code);
}
