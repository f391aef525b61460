// Cases that hang on a claim: not declared for who never makes it, and reported for who cannot keep it here.
import type { Capabilities } from '../../server/protocol/backend.ts';
import type { Subject } from './suite.ts';

export type Claim = { readonly what: string; readonly of: (capabilities: Capabilities) => boolean };

export function both(left: Claim, right: Claim): Claim {
  return {
    what: `${left.what} and ${right.what}`,
    of: capabilities => left.of(capabilities) && right.of(capabilities),
  };
}

/** The case for one claim; `it` with a condition that is known twice, from the manifest and from the probe. */
export function caseFor(subject: Subject, claim: Claim) {
  return (title: string, body: () => Promise<void>): void => {
    const { id, capabilities } = subject.backend.manifest;
    if (!claim.of(capabilities)) return;
    it(title, async function () {
      if (claim.of(subject.here())) return body();
      console.log(`not run: ${id}: ${title}: this machine does not give ${claim.what}`);
      return this.skip();
    });
  };
}

export const python: Claim = { what: 'python', of: ({ runtimes }) => runtimes.includes('python') };

export const signals: Claim = { what: 'signals', of: ({ exec }) => exec.signals };
