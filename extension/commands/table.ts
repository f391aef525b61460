// Every command of the extension as data: the manifest is generated from it and the handlers are checked against it.

export type CommandEntry = {
  readonly title: string;
  readonly icon?: string;
  /** Commands that only make sense on an element or in an editor are kept out of the palette. */
  readonly palette?: 'hidden';
};

export const commandTable = {
  'heyvm.openBranch': { title: 'Open Branch in Sandbox…', icon: '$(git-branch)' },
  'heyvm.newSandbox': { title: 'New Sandbox…', icon: '$(add)' },
  'heyvm.up': { title: 'Bring Up Project…', icon: '$(debug-start)' },
  'heyvm.openTerminal': { title: 'Open Terminal', icon: '$(terminal)' },
  'heyvm.openWindow': { title: 'Open in New Window', icon: '$(empty-window)' },
  'heyvm.openInBrowser': { title: 'Open in Browser', icon: '$(globe)' },
  'heyvm.start': { title: 'Start', icon: '$(debug-start)' },
  'heyvm.stop': { title: 'Stop', icon: '$(debug-stop)' },
  'heyvm.restart': { title: 'Restart', icon: '$(debug-restart)', palette: 'hidden' },
  'heyvm.remove': { title: 'Remove…', icon: '$(trash)' },
  'heyvm.showChanges': { title: 'Show Changes', icon: '$(diff-multiple)' },
  'heyvm.compareBranches': { title: 'Compare Branches…', icon: '$(git-compare)' },
  'heyvm.mergeBack': { title: 'Merge Back…', icon: '$(git-merge)' },
  'heyvm.cherryPick': { title: 'Cherry-Pick…', icon: '$(git-commit)', palette: 'hidden' },
  'heyvm.cleanUp': { title: 'Clean Up…', icon: '$(clear-all)', palette: 'hidden' },
  'heyvm.savePatch': { title: 'Save as Patch…', icon: '$(save)', palette: 'hidden' },
  'heyvm.fork': { title: 'Fork…', icon: '$(repo-forked)' },
  'heyvm.forwardPort': { title: 'Forward Port…', icon: '$(plug)' },
  'heyvm.openForward': { title: 'Open in Browser', icon: '$(globe)', palette: 'hidden' },
  'heyvm.stopForwarding': { title: 'Stop Forwarding', icon: '$(close)', palette: 'hidden' },
  'heyvm.snapshot': { title: 'Take Snapshot…', icon: '$(device-camera)', palette: 'hidden' },
  'heyvm.restore': { title: 'Restore…', icon: '$(discard)', palette: 'hidden' },
  'heyvm.removeSnapshot': { title: 'Remove Snapshot…', icon: '$(trash)', palette: 'hidden' },
  'heyvm.showLog': { title: 'Show Log', icon: '$(output)' },
  'heyvm.showLogChannels': { title: 'Show Log in Output', icon: '$(output)', palette: 'hidden' },
  'heyvm.followLog': { title: 'Follow Log in Terminal', icon: '$(terminal-view-icon)', palette: 'hidden' },
  'heyvm.browseFiles': { title: 'Browse Files', icon: '$(files)' },
  'heyvm.copyIn': { title: 'Copy In…', icon: '$(cloud-upload)', palette: 'hidden' },
  'heyvm.copyOut': { title: 'Copy Out…', icon: '$(cloud-download)', palette: 'hidden' },
  'heyvm.copySshCommand': { title: 'Copy SSH Command', icon: '$(copy)', palette: 'hidden' },
  'heyvm.installSshConfig': { title: 'Install SSH Configuration…', palette: 'hidden' },
  'heyvm.configureAgent': { title: 'Add Sandboxes to an Agent…' },
  'heyvm.runDoctor': { title: 'Doctor', icon: '$(pulse)' },
  'heyvm.saveSupportBundle': { title: 'Save Support Bundle…' },
  'heyvm.refresh': { title: 'Refresh', icon: '$(refresh)', palette: 'hidden' },
  'heyvm.restartHelper': { title: 'Restart Helper' },
  'heyvm.menu': { title: 'Show Menu', palette: 'hidden' },
} as const satisfies Readonly<Record<string, CommandEntry>>;

export type CommandId = keyof typeof commandTable;
