// Names that the manifest and the code must agree on.

export const LOG_SCHEME = 'heyvm-log';
/** Where a guest sees its workspace. */
export const WORKSPACE = '/workspace';
/** The files of running sandboxes. */
export const FILE_SCHEME = 'heyvm';
/** The two sides of files that a branch changed. */
export const REVIEW_SCHEME = 'heyvm-review';
/** The two sides of a change of somebody else's configuration. */
export const PREVIEW_SCHEME = 'heyvm-preview';
/** Names what a row of the view is decorated with; nothing can be opened by it. */
export const BOUNDARY_SCHEME = 'heyvm-boundary';
export const VIEW_ID = 'heyvm.sandboxes';
export const TASK_TYPE = 'heyvm';
export const PROFILE_ID = 'heyvm.guest';
/** Also the value of `terminal.integrated.defaultProfile.*` in windows on a worktree. */
export const PROFILE_TITLE = 'heyvm sandbox';
/** `failed` while the sandboxes cannot be listed. */
export const LIST_CONTEXT = 'heyvm.list';

/** Names of tools are shared with those of all other extensions. */
export const TOOL_PREFIX = 'heyvm_';
export const MCP_PROVIDER = 'heyvm.mcp';
