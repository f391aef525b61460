// Offers heyvm's own MCP server to whatever in this editor starts such servers.
import * as vscode from 'vscode';
import { localFolders } from '../localFolders.ts';
import { MCP_PROVIDER } from '../names.ts';
import { launcherProgram } from '../program.ts';
import { readSettings } from '../settings.ts';

/** Asks nothing, so that agents without a window can be given it too; another build is another version. */
export function registerMcpServers(extensionPath: string, build: string): vscode.Disposable {
  return vscode.lm.registerMcpServerDefinitionProvider(MCP_PROVIDER, {
    provideMcpServerDefinitions: () => {
      const [own, ...others] = localFolders();
      const more = others.flatMap(({ fsPath }) => ['--repository', fsPath]);
      const { file, args, env } = launcherProgram(extensionPath, readSettings(), ['mcp', ...more]);
      const server = new vscode.McpStdioServerDefinition('heyvm', file, [...args], { ...env }, build);
      if (own !== undefined) server.cwd = own;
      return [server];
    },
  });
}
