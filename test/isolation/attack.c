// Makes one call of the kernel that a guest must not get, and prints the name of the error, or OK.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct clone_arguments { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls; };

static long target;

static long forked(unsigned long flags) {
  long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  return pid;
}

static long forked3(uint64_t flags) {
  struct clone_arguments arguments = { .flags = flags, .exit_signal = SIGCHLD };
  long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  return pid;
}

static long joined(const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%ld/ns/%s", target, name);
  int fd = open(path, O_RDONLY);
  return fd < 0 ? fd : syscall(SYS_setns, fd, 0);
}

static long opened(const char *name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%ld/%s", target, name);
  return open(path, flags);
}

static long descriptor(void) {
  char path[64], name[64];
  for (int fd = 0; fd < 64; fd++) {
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", target, fd);
    if (readlink(path, name, sizeof name) >= 0 || open(path, O_RDONLY | O_NONBLOCK) >= 0) return 0;
  }
  return errno = EACCES, -1;
}

static long read_memory(void) {
  char byte;
  struct iovec mine = { &byte, 1 }, theirs = { (void *)0x400000, 1 };
  return syscall(SYS_process_vm_readv, target, &mine, 1, &theirs, 1, 0);
}

static long taken_descriptor(void) {
  int fd = syscall(SYS_pidfd_open, target, 0);
  return fd < 0 ? fd : syscall(438, fd, 0, 0);
}

static long typed(unsigned long request) {
  char letter = 'x';
  return ioctl(0, request, &letter);
}

static long raised_limit(void) {
  struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
  return setrlimit(RLIMIT_CORE, &limit);
}

static long by_handle(void) {
  struct { unsigned bytes; int type; char data[64]; } handle = { .bytes = 8, .type = 1 };
  return syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY);
}

static long created(const char *path, mode_t mode) {
  int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, mode);
  if (fd >= 0) unlink(path);
  return fd;
}

#if defined(__x86_64__)
static long old_call(void) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
  return result;
}
#endif

static long attempt(const char *name) {
#define CASE(text, call) if (strcmp(name, text) == 0) return (call)
  char buffer[128] = { 0 };
  CASE("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
  CASE("mount-bind", mount("/usr", "/tmp", NULL, MS_BIND, NULL));
  CASE("remount", mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL));
  CASE("umount", umount2("/proc/sys", MNT_DETACH));
  CASE("fsopen", syscall(430, "tmpfs", 0));
  CASE("open-tree", syscall(428, AT_FDCWD, "/", 1));
  CASE("move-mount", syscall(429, AT_FDCWD, "/tmp", AT_FDCWD, "/run", 0));
  CASE("mount-setattr", syscall(442, AT_FDCWD, "/usr", 0, buffer, 32));
  CASE("pivot-root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
  CASE("chroot", chroot("/tmp"));
  CASE("unshare-user", unshare(CLONE_NEWUSER));
  CASE("unshare-mount", unshare(CLONE_NEWNS));
  CASE("clone-user", forked(CLONE_NEWUSER));
  CASE("clone-net", forked(CLONE_NEWNET));
  CASE("clone3-user", forked3(CLONE_NEWUSER));
  CASE("clone3", forked3(0));
  CASE("setns-pid", joined("pid"));
  CASE("setns-mount", joined("mnt"));
  CASE("setns-user", joined("user"));
  CASE("ptrace", ptrace(PTRACE_ATTACH, target, NULL, NULL));
  CASE("ptrace-seize", ptrace(PTRACE_SEIZE, target, NULL, NULL));
  CASE("process-vm-readv", read_memory());
  CASE("pidfd-getfd", taken_descriptor());
  CASE("open-mem", opened("mem", O_RDWR));
  CASE("open-environ", opened("environ", O_RDONLY));
  CASE("open-maps", opened("maps", O_RDONLY));
  CASE("open-fds", descriptor());
  CASE("open-root", opened("root/etc", O_RDONLY));
  CASE("tiocsti", typed(TIOCSTI));
  CASE("tioclinux", typed(0x541c));
  CASE("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1));
  CASE("add-key", syscall(SYS_add_key, "user", "heyvm", "x", 1, KEY_SPEC_SESSION_KEYRING));
  CASE("request-key", syscall(SYS_request_key, "user", "heyvm", NULL, 0));
  CASE("bpf", syscall(SYS_bpf, 0, buffer, sizeof buffer));
  CASE("perf", syscall(SYS_perf_event_open, buffer, 0, -1, -1, 0));
  CASE("io-uring", syscall(425, 1, buffer));
  CASE("userfaultfd", syscall(SYS_userfaultfd, 1));
  CASE("by-handle", by_handle());
  CASE("init-module", syscall(SYS_init_module, buffer, sizeof buffer, ""));
  CASE("kexec", syscall(SYS_kexec_load, 0, 0, NULL, 0));
  // None of these would do harm where it is allowed: the first has the wrong magic, the next set nothing.
  CASE("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
  CASE("settimeofday", syscall(SYS_settimeofday, NULL, NULL));
  CASE("adjtimex", syscall(SYS_adjtimex, buffer));
  CASE("swapon", syscall(SYS_swapon, "/tmp/none", 0));
  CASE("acct", acct("/tmp/none"));
  CASE("sethostname", sethostname("x", 1));
  CASE("syslog", syscall(SYS_syslog, 3, buffer, sizeof buffer));
  CASE("quotactl", syscall(SYS_quotactl, 0, NULL, 0, NULL));
  CASE("fanotify", syscall(SYS_fanotify_init, 0, 0));
  CASE("kcmp", syscall(SYS_kcmp, getpid(), target, 0, 0, 0));
  CASE("personality", personality(ADDR_NO_RANDOMIZE));
  CASE("raw-socket", socket(AF_INET, SOCK_RAW, 1));
  CASE("packet-socket", socket(AF_PACKET, SOCK_RAW, 0));
  CASE("vsock", socket(40, SOCK_STREAM, 0));
  CASE("alg-socket", socket(38, SOCK_SEQPACKET, 0));
  CASE("mknod-device", mknod("/tmp/device", S_IFBLK | 0600, 0xfe00));
  CASE("setuid-chmod", chmod("/workspace/victim", 04755));
  CASE("setgid-chmod", chmod("/workspace/victim", 02755));
  CASE("setuid-open", created("/workspace/created", 04755));
  CASE("setuid-mknod", mknod("/workspace/made", S_IFREG | 04755, 0));
  CASE("setuid-zero", target == 0 ? setresuid(1, 1, 1) : setresuid(0, 0, 0));
  CASE("setgroups", syscall(SYS_setgroups, 0, NULL));
  CASE("raise-limit", raised_limit());
  CASE("raise-priority", setpriority(PRIO_PROCESS, 0, -10));
#if defined(__x86_64__)
  CASE("x32", syscall(0x40000000 | 39));
  CASE("i386", old_call());
  CASE("iopl", syscall(SYS_iopl, 3));
#endif
  fprintf(stderr, "no attack is called %s\n", name);
  exit(2);
}

int main(int count, char **words) {
  if (count < 2) return 2;
  target = count > 2 ? atol(words[2]) : 1;
  errno = 0;
  long result = attempt(words[1]);
  if (result >= 0) puts("OK");
  else puts(strerrorname_np(errno));
  return 0;
}
