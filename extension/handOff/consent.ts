// Asks before anything of the person's outside heyvm is changed, and does it once they agree.
import * as vscode from 'vscode';
import type { Parts } from '../parts.ts';
import { configuredSshConfig, isPlatformKnown, rememberPlatform } from './remoteSsh.ts';

const INSTALL = 'Install';
const PLATFORM_CONSENT = 'consent.remotePlatform';

/** True when `ssh <alias>` works afterwards. */
export async function ensureSshConfig(parts: Parts): Promise<boolean> {
  const config = configuredSshConfig();
  const where = config === undefined ? {} : { config };
  const before = await parts.helper.call('ssh/status', where);
  if (before.effective) return true;
  if (!before.installed) {
    const detail = `One line is added at the top of ${before.config}. It includes a file of heyvm with one entry for each sandbox. The command line takes it out again: heyvm ssh-config --uninstall`;
    const answer = await vscode.window.showInformationMessage(
      'Let OpenSSH know the names of the sandboxes?',
      { modal: true, detail },
      INSTALL,
    );
    if (answer !== INSTALL) return false;
    await parts.helper.call('ssh/install', where);
  }
  const after = await parts.helper.call('ssh/status', where);
  if (!after.effective) {
    const why = after.problem ?? 'another entry of the same file wins';
    void vscode.window.showWarningMessage(
      `OpenSSH does not use the entries of heyvm in ${after.config}: ${why}`,
    );
  }
  return after.effective;
}

/** Asked once; later sandboxes are covered by the first answer. */
export async function ensurePlatform(context: vscode.ExtensionContext, alias: string): Promise<void> {
  if (isPlatformKnown(alias)) return;
  if (context.globalState.get(PLATFORM_CONSENT) === undefined) {
    const allow = 'Allow';
    const detail =
      'heyvm adds its sandboxes to the setting remote.SSH.remotePlatform, as Linux. Without it the editor asks for each.';
    const answer = await vscode.window.showInformationMessage(
      'Tell the editor that sandboxes run Linux?',
      { modal: true, detail },
      allow,
    );
    await context.globalState.update(PLATFORM_CONSENT, answer === allow ? 'given' : 'refused');
  }
  if (context.globalState.get(PLATFORM_CONSENT) === 'given') await rememberPlatform(alias);
}
