// The badge at the end of a sandbox's row, which says in a narrow view too what stands between its guest and this machine.
import * as vscode from 'vscode';
import { type Boundary, boundaries } from '../../server/protocol/backend.ts';
import { BOUNDARY_SCHEME } from '../names.ts';
import { boundaryBadges, boundaryWords } from './describe.ts';

/** All that the badge needs is in it, so that nothing has to be looked up. */
export function boundaryUri(sandbox: string, boundary: Boundary): vscode.Uri {
  return vscode.Uri.from({ scheme: BOUNDARY_SCHEME, path: `/${sandbox}`, query: boundary });
}

export const boundaryDecorations: vscode.FileDecorationProvider = {
  provideFileDecoration({ scheme, query }) {
    const boundary = scheme === BOUNDARY_SCHEME ? boundaries.find(one => one === query) : undefined;
    if (boundary === undefined) return undefined;
    return new vscode.FileDecoration(boundaryBadges[boundary], `${boundaryWords[boundary]} boundary`);
  },
};
