// Completion scripts for bash, zsh and fish, made from the command table.
import { globalFlags } from './args.ts';
import type { Command, Completer, Flag } from './command.ts';

export const completionScripts: Readonly<
  Record<string, ((commands: readonly Command[]) => string) | undefined>
> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

function bashScript(commands: readonly Command[]): string {
  const cases = commands.map(command =>
    posixCase(command, { files: 'files=1', words: list => `words='${list}'` }),
  );
  return `# bash completion of heyvm: source <(heyvm completion bash)
_heyvm() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words='' files='' place=0 index
  local command=\${COMP_WORDS[1]} start=2
  if ((COMP_CWORD > 2)); then
    case $command in ${familyPattern(commands)}) command="$command \${COMP_WORDS[2]}" start=3 ;; esac
  fi
  for ((index = start; index < COMP_CWORD; index++)); do
    [[ \${COMP_WORDS[index]} == -* ]] || place=$((place + 1))
  done
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words='${firstWords(commands).join(' ')}'
  else
    case $command in
${familyCases(commands, 'words').join('\n')}
${cases.join('\n')}
    esac
  fi
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}
complete -F _heyvm heyvm
`;
}

function zshScript(commands: readonly Command[]): string {
  const cases = commands.map(command =>
    posixCase(command, { files: 'files=1', words: list => `list='${list}'` }),
  );
  return `#compdef heyvm
# zsh completion of heyvm: source <(heyvm completion zsh)
_heyvm() {
  local cur=\${words[CURRENT]} prev=\${words[CURRENT-1]} list='' files='' place=0 index
  local command=\${words[2]} start=3
  if ((CURRENT > 3)); then
    case $command in ${familyPattern(commands)}) command="$command \${words[3]}" start=4 ;; esac
  fi
  for ((index = start; index < CURRENT; index++)); do
    [[ \${words[index]} == -* ]] || place=$((place + 1))
  done
  if ((CURRENT == 2)); then
    list='${firstWords(commands).join(' ')}'
  else
    case $command in
${familyCases(commands, 'list').join('\n')}
${cases.join('\n')}
    esac
  fi
  if [[ -n $files ]]; then
    _files
  else
    compadd -- \${=list}
  fi
}
if [[ $funcstack[1] == _heyvm ]]; then _heyvm "$@"; else compdef _heyvm heyvm; fi
`;
}

type Dialect = { readonly files: string; readonly words: (list: string) => string };

/** One command as a branch of `case`; bash and zsh differ only in the name of the variable. */
function posixCase(command: Command, dialect: Dialect): string {
  const offer = (completer: Completer): string => {
    if (completer === 'file') return dialect.files;
    return dialect
      .words(
        typeof completer === 'string' ? `$(heyvm __complete ${completer} 2>/dev/null)` : completer.join(' '),
      )
      .replace(/'(\$\(.*\))'/, '"$1"');
  };
  const values = flagsOf(command).flatMap(flag => {
    const completer = completerOf(flag);
    return completer === undefined ? [] : [`${namesOf(flag).join('|')}) ${offer(completer)} ;;`];
  });
  const places = command.arguments.flatMap((argument, index) => {
    if (argument.complete === undefined) return [];
    return [`${argument.presence === 'many' ? '*' : index}) ${offer(argument.complete)} ;;`];
  });
  const flags = flagsOf(command)
    .map(flag => `--${flag.name}`)
    .join(' ');
  const names = [command.name, ...(command.aliases ?? [])].filter(name => !isFamily(name, command));
  const pattern = names.map(name => (name.includes(' ') ? `'${name}'` : name)).join('|');
  return `    ${pattern})
      if [[ $cur == -* ]]; then ${dialect.words(flags)}
      else case $prev in
        ${[...values, `*) case $place in ${places.join(' ')} ${places.some(place => place.startsWith('*')) ? '' : '*) ;;'} esac ;;`].join('\n        ')}
      esac; fi ;;`;
}

function fishScript(commands: readonly Command[]): string {
  const families = familiesOf(commands);
  const seconds = (family: string): string =>
    commands
      .flatMap(({ name }) => (name.startsWith(`${family} `) ? [name.slice(family.length + 1)] : []))
      .join(' ');
  const lines = ['# fish completion of heyvm: heyvm completion fish | source', 'complete -c heyvm -f'];
  for (const family of families) {
    lines.push(
      `complete -c heyvm -n __fish_use_subcommand -a ${family} -d ${quote(`Commands about ${family}`)}`,
    );
  }
  for (const command of commands) {
    const [first = '', second] = command.name.split(' ');
    const offered =
      second === undefined
        ? '__fish_use_subcommand'
        : `'__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${seconds(first)}'`;
    lines.push(`complete -c heyvm -n ${offered} -a ${second ?? first} -d ${quote(command.summary)}`);
    lines.push(...fishDetails(command, families));
  }
  return `${lines.join('\n')}\n`;
}

/** What follows a command; words such as `list` stand alone and in a family, and mean different commands. */
function fishDetails(command: Command, families: readonly string[]): string[] {
  const names = [command.name, ...(command.aliases ?? [])].filter(name => !isFamily(name, command));
  const last = names.map(name => name.split(' ').at(-1)).join(' ');
  const [first = '', second] = command.name.split(' ');
  const elsewhere =
    families.length === 0 ? '' : `; and not __fish_seen_subcommand_from ${families.join(' ')}`;
  const where =
    second === undefined
      ? `__fish_seen_subcommand_from ${last}${elsewhere}`
      : `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${last}`;
  const inside = `-n '${where}'`;
  const places = command.arguments.flatMap(argument =>
    argument.complete === undefined ? [] : [`complete -c heyvm ${inside} ${fishOffer(argument.complete)}`],
  );
  const flags = flagsOf(command).map(flag => {
    const short = flag.short === undefined ? '' : ` -s ${flag.short}`;
    const completer = completerOf(flag);
    const value = flag.kind === 'flag' ? '' : ` -r ${completer === undefined ? '' : fishOffer(completer)}`;
    return `complete -c heyvm ${inside} -l ${flag.name}${short} -d ${quote(flag.summary)}${value.trimEnd()}`;
  });
  return [...places, ...flags];
}

/** First words of commands that have two. */
function familiesOf(commands: readonly Command[]): readonly string[] {
  return [...new Set(commands.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0] ?? ''] : [])))];
}

function firstWords(commands: readonly Command[]): readonly string[] {
  return [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? ''))];
}

/** The family's own word is short for one of its commands, and for completion it is the way to all of them. */
function isFamily(name: string, command: Command): boolean {
  return command.name.startsWith(`${name} `);
}

/** A pattern that nothing has where there is no family. */
function familyPattern(commands: readonly Command[]): string {
  return familiesOf(commands).join('|') || "''";
}

function familyCases(commands: readonly Command[], variable: 'words' | 'list'): readonly string[] {
  return familiesOf(commands).map(family => {
    const seconds = commands
      .filter(({ name }) => name.startsWith(`${family} `))
      .map(({ name }) => name.slice(family.length + 1));
    return `    ${family}) ${variable}='${seconds.join(' ')}' ;;`;
  });
}

function fishOffer(completer: Completer): string {
  if (completer === 'file') return '-F';
  if (typeof completer === 'string') return `-a '(heyvm __complete ${completer} 2>/dev/null)'`;
  return `-a '${completer.join(' ')}'`;
}

function flagsOf(command: Command): readonly Flag[] {
  return [...command.flags, ...globalFlags];
}

function namesOf(flag: Flag): string[] {
  const long = [flag.name, ...(flag.aliases ?? [])].map(name => `--${name}`);
  return flag.short === undefined ? long : [...long, `-${flag.short}`];
}

function completerOf(flag: Flag): Completer | undefined {
  if (flag.kind === 'choice') return flag.choices;
  return flag.kind === 'string' || flag.kind === 'list' ? flag.complete : undefined;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
