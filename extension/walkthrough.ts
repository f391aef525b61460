// The first steps, as the editor's welcome page shows them.

export const walkthrough = {
  id: 'start',
  title: 'Branches in Sandboxes',
  description:
    'Open any branch in a place of its own, where you and your agents can work without touching this machine.',
  steps: [
    {
      id: 'machine',
      title: 'See what this machine has',
      description:
        'heyvm takes the strongest sandbox that is ready here. The doctor looks at everything and says what mends the rest.\n[Open Doctor](command:heyvm.runDoctor)',
      media: {
        image: 'media/pictures/doctor.png',
        altText: 'The doctor’s page: what is ready on this machine, and what mends the rest',
      },
      completionEvents: ['onCommand:heyvm.runDoctor'],
    },
    {
      id: 'branch',
      title: 'Open a branch',
      description:
        'One command makes the branch when it is new, a worktree of it next to your repository, and a sandbox that sees it.\n[Open Branch in Sandbox](command:heyvm.openBranch)',
      media: {
        image: 'media/pictures/open-branch.png',
        altText: 'The list of branches, with those that have a sandbox marked',
      },
      completionEvents: ['onCommand:heyvm.openBranch'],
    },
    {
      id: 'work',
      title: 'Work inside',
      description:
        'Terminals and tasks run in the sandbox; git works there too. Nothing that runs inside reaches your files or, unless you say so, a network.\n[Open Terminal](command:heyvm.openTerminal)',
      media: {
        image: 'media/pictures/terminal.png',
        altText: 'A terminal inside a sandbox, beside the view of sandboxes',
      },
      completionEvents: ['onCommand:heyvm.openTerminal'],
    },
    {
      id: 'agents',
      title: 'Let an agent work there',
      description:
        'Chat and agents of this editor have the sandboxes as tools, such as #heyvmExec, and show what they would run before they do it. Other agents start the same tools as a server.\n[Add Sandboxes to an Agent](command:heyvm.configureAgent)',
      media: {
        image: 'media/pictures/agents.png',
        altText:
          'What the configuration of an agent would be with the sandboxes in it, and the question whether to write it',
      },
    },
    {
      id: 'back',
      title: 'Bring the work back',
      description:
        'Look at what the branch changed, merge it, and remove sandbox and worktree in one step that refuses to lose work.\n[Show the Sandboxes](command:heyvm.sandboxes.focus)',
      media: {
        image: 'media/pictures/bring-back.png',
        altText: 'The changes of a branch in the diff editor, and the question whether to merge them',
      },
    },
  ],
} as const;
