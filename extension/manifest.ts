// The block `contributes` of package.json, made from the tables of the extension.
import { networkModes } from '../server/protocol/backend.ts';
import { languageModelTools } from './agents/declarations.ts';
import { type CommandEntry, type CommandId, commandTable } from './commands/table.ts';
import {
  FILE_SCHEME,
  LIST_CONTEXT,
  LOG_SCHEME,
  MCP_PROVIDER,
  PROFILE_ID,
  PROFILE_TITLE,
  VIEW_ID,
} from './names.ts';
import { taskDefinition } from './tasks/definition.ts';
import { walkthrough } from './walkthrough.ts';

/** What a context value looks like is described in views/describe.ts. */
const states = {
  any: '/^sandbox\\+/',
  running: '/^sandbox\\+running/',
  worktree: '/^sandbox\\+.*\\+worktree/',
  editable: '/^sandbox\\+.*\\+editor/',
  forkable: '/^sandbox\\+(running|paused|stopped)/',
  keepable: '/^sandbox\\+(running|paused|stopped).*\\+snapshots/',
  port: '/^port/',
  forwarded: '/^port\\+forwarded/',
  startable: '/^sandbox\\+(created|stopped|failed)/',
  stoppable: '/^sandbox\\+(starting|running|paused)/',
} as const;

const entries: readonly (readonly [string, CommandEntry])[] = Object.entries(commandTable);

export const contributes = {
  commands: entries.map(([command, { title, icon }]) => ({
    command,
    title,
    category: 'heyvm',
    ...(icon === undefined ? {} : { icon }),
  })),
  viewsContainers: { activitybar: [{ id: 'heyvm', title: 'heyvm', icon: 'media/activity.svg' }] },
  views: {
    heyvm: [{ id: VIEW_ID, name: 'Sandboxes', icon: 'media/activity.svg', contextualTitle: 'heyvm' }],
  },
  viewsWelcome: [
    {
      view: VIEW_ID,
      contents: [
        'Open any git branch in a sandbox of its own: a worktree, an isolated guest, terminals and git inside.',
        '[Open Branch in Sandbox](command:heyvm.openBranch)',
        'Or begin with an empty one.',
        '[New Sandbox](command:heyvm.newSandbox)',
        'Is this machine ready? [Open Doctor](command:heyvm.runDoctor)',
      ].join('\n'),
      when: `${LIST_CONTEXT} != failed`,
    },
    {
      view: VIEW_ID,
      contents: [
        'The sandboxes cannot be listed. Those that run keep running.',
        '[Restart Helper](command:heyvm.restartHelper)',
        '[Refresh](command:heyvm.refresh)',
      ].join('\n'),
      when: `${LIST_CONTEXT} == failed`,
    },
  ],
  menus: {
    commandPalette: entries
      .filter(([, entry]) => entry.palette === 'hidden')
      .map(([command]) => ({ command, when: 'false' })),
    'view/title': [
      titleItem('heyvm.openBranch', 'navigation@1'),
      titleItem('heyvm.newSandbox', 'navigation@2'),
      titleItem('heyvm.refresh', 'navigation@3'),
      titleItem('heyvm.runDoctor', 'navigation@4'),
      titleItem('heyvm.compareBranches', '1_branches@1'),
      titleItem('heyvm.installSshConfig', '2_health@1'),
      titleItem('heyvm.saveSupportBundle', '2_health@2'),
      titleItem('heyvm.restartHelper', '2_health@3'),
    ],
    'view/item/context': [
      {
        command: 'heyvm.openBranch',
        group: 'inline@1',
        when: `view == ${VIEW_ID} && viewItem == group+repository`,
      },
      item('heyvm.openTerminal', 'inline@1', states.running),
      item('heyvm.start', 'inline@1', states.startable),
      item('heyvm.openWindow', 'inline@2', states.any),
      item('heyvm.openWindow', '1_open@1', states.any),
      item('heyvm.openInBrowser', '1_open@2', states.editable),
      item('heyvm.openTerminal', '1_open@3', states.any),
      item('heyvm.browseFiles', '1_open@4', states.any),
      item('heyvm.copySshCommand', '1_open@5', states.any),
      item('heyvm.copyIn', '3_files@1', states.running),
      item('heyvm.copyOut', '3_files@2', states.running),
      item('heyvm.showChanges', '2_review@1', states.worktree),
      item('heyvm.mergeBack', '2_review@2', states.worktree),
      item('heyvm.cherryPick', '2_review@3', states.worktree),
      item('heyvm.savePatch', '2_review@4', states.worktree),
      item('heyvm.fork', '2_review@5', states.forkable),
      item('heyvm.start', '4_life@1', states.startable),
      item('heyvm.stop', '4_life@2', states.stoppable),
      item('heyvm.restart', '4_life@3', states.running),
      item('heyvm.forwardPort', '3_files@3', states.running),
      item('heyvm.snapshot', '4_life@4', states.keepable),
      { command: 'heyvm.forwardPort', group: 'inline@1', when: `view == ${VIEW_ID} && viewItem == port` },
      { command: 'heyvm.forwardPort', group: '1_port@1', when: `view == ${VIEW_ID} && viewItem == port` },
      item('heyvm.openForward', 'inline@1', states.forwarded),
      item('heyvm.openForward', '1_port@1', states.forwarded),
      item('heyvm.stopForwarding', 'inline@2', states.forwarded),
      item('heyvm.stopForwarding', '1_port@2', states.forwarded),
      { command: 'heyvm.restore', group: '1_snapshot@1', when: `view == ${VIEW_ID} && viewItem == snapshot` },
      {
        command: 'heyvm.removeSnapshot',
        group: '2_snapshot@1',
        when: `view == ${VIEW_ID} && viewItem == snapshot`,
      },
      item('heyvm.showLog', '5_log@1', states.any),
      item('heyvm.showLogChannels', '5_log@2', states.any),
      item('heyvm.followLog', '5_log@3', states.stoppable),
      item('heyvm.cleanUp', '6_remove@1', states.worktree),
      item('heyvm.remove', '6_remove@2', states.any),
    ],
    'editor/title': [
      { command: 'heyvm.followLog', group: 'navigation', when: `resourceScheme == ${LOG_SCHEME}` },
    ],
  },
  taskDefinitions: [taskDefinition],
  walkthroughs: [walkthrough],
  resourceLabelFormatters: [
    {
      scheme: FILE_SCHEME,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the editor fills this in.
      formatting: { label: '${path}', separator: '/', workspaceSuffix: 'sandbox' },
    },
  ],
  languageModelTools,
  mcpServerDefinitionProviders: [{ id: MCP_PROVIDER, label: 'heyvm sandboxes' }],
  terminal: { profiles: [{ id: PROFILE_ID, title: PROFILE_TITLE, icon: 'vm' }] },
  configuration: {
    title: 'heyvm',
    properties: {
      'heyvm.backend': {
        type: 'string',
        default: '',
        scope: 'machine',
        order: 1,
        markdownDescription:
          'The backend of sandboxes opened from here, by its id. Empty: `backend_type` of `~/.heyo/settings.json`, else the strongest one that is ready.',
      },
      'heyvm.network': {
        type: 'string',
        enum: ['', ...networkModes],
        enumDescriptions: [
          'As the settings of heyvm and the type of the sandbox say.',
          'Nothing but its own loopback.',
          'Only named hosts. A backend that cannot enforce this refuses to start.',
          'Whatever this machine can reach.',
        ],
        default: '',
        scope: 'machine',
        order: 2,
        description: 'What sandboxes opened from here can reach.',
      },
      'heyvm.openIn': {
        type: 'string',
        enum: ['window', 'terminal'],
        enumDescriptions: ['A window of its own.', 'A terminal of this window.'],
        default: 'window',
        scope: 'window',
        order: 3,
        description: 'Where a branch opens once its sandbox runs.',
      },
      'heyvm.prepareServer': {
        type: 'boolean',
        default: true,
        scope: 'machine',
        order: 5,
        markdownDescription:
          'Put the server of this editor into a sandbox before a window opens in it over ssh. It is downloaded once to this machine, from the vendor of this editor and with its checksum. Otherwise the editor downloads it inside every sandbox.',
      },
      'heyvm.helper.node': {
        type: 'string',
        default: '',
        scope: 'machine',
        order: 4,
        description:
          'Path of a Node (22 or newer) that runs the helper and the terminals. Empty: the one of the editor.',
      },
    },
  },
} as const;

function titleItem(command: CommandId, group: string) {
  return { command, group, when: `view == ${VIEW_ID}` };
}

function item(command: CommandId, group: string, state: string) {
  return { command, group, when: `view == ${VIEW_ID} && viewItem =~ ${state}` };
}
