// What WASIX has and WASI preview 1 has not, as far as the tests need it; by hand, because Debian has no libc for it.
#include <stdint.h>

#define WASIX_CALL(name) __attribute__((import_module("wasix_32v1"), import_name(#name))) extern int32_t wasix_##name

struct wasix_tty {
  uint32_t columns, rows, width, height;
  uint8_t in, out, error, echo, lines;
};

struct wasix_address {
  uint8_t kind, unused;
  uint16_t port;
  uint8_t ip[16];
};

WASIX_CALL(tty_get)(struct wasix_tty *tty);
WASIX_CALL(sock_open)(int32_t family, int32_t type, int32_t protocol, int32_t *file);
WASIX_CALL(sock_connect)(int32_t file, const struct wasix_address *address);
WASIX_CALL(sock_bind)(int32_t file, const struct wasix_address *address);
WASIX_CALL(sock_listen)(int32_t file, int32_t backlog);
WASIX_CALL(sock_accept_v2)(int32_t file, int32_t flags, int32_t *accepted, struct wasix_address *address);
WASIX_CALL(sock_send)(int32_t file, const void *parts, int32_t count, int32_t flags, int32_t *sent);
WASIX_CALL(sock_recv)(int32_t file, void *parts, int32_t count, int32_t flags, int32_t *got, int32_t *more);

struct wasix_part {
  void *bytes;
  uint32_t size;
};

enum { INET4 = 1, STREAM = 1, TCP = 6 };

static int socket_to(struct wasix_address *address, const char *port) {
  *address = (struct wasix_address){.kind = INET4, .port = (uint16_t)atoi(port), .ip = {127, 0, 0, 1}};
  int32_t file = -1;
  int32_t failed = wasix_sock_open(INET4, STREAM, TCP, &file);
  if (failed != 0) fprintf(stderr, "sock_open: %d\n", failed);
  return failed == 0 ? file : -1;
}

static int send_text(int file, const char *text, uint32_t size) {
  struct wasix_part part = {(void *)text, size};
  int32_t sent = 0;
  return wasix_sock_send(file, &part, 1, 0, &sent);
}

static int receive(int file, char *text, uint32_t size) {
  struct wasix_part part = {text, size};
  int32_t got = 0, more = 0;
  return wasix_sock_recv(file, &part, 1, 0, &got, &more) == 0 ? got : -1;
}

/** `connect PORT TEXT`: sends the text and prints the answer. */
static int connect_to(const char *port, const char *text) {
  struct wasix_address address;
  int file = socket_to(&address, port);
  if (file < 0) return 1;
  int32_t failed = wasix_sock_connect(file, &address);
  if (failed != 0) return fprintf(stderr, "sock_connect: %d\n", failed), 1;
  if (send_text(file, text, (uint32_t)strlen(text)) != 0) return fputs("sock_send\n", stderr), 1;
  char answer[4096];
  int got = receive(file, answer, sizeof answer);
  if (got < 0) return fputs("sock_recv\n", stderr), 1;
  return fwrite(answer, 1, (size_t)got, stdout) == (size_t)got ? 0 : 1;
}

/** `serve PORT`: answers whoever connects, one after the other. */
static int serve(const char *port) {
  struct wasix_address address;
  int file = socket_to(&address, port);
  if (file < 0) return 1;
  int32_t failed = wasix_sock_bind(file, &address);
  if (failed == 0) failed = wasix_sock_listen(file, 8);
  if (failed != 0) return fprintf(stderr, "sock_listen: %d\n", failed), 1;
  puts("ready");
  fflush(stdout);
  for (;;) {
    int32_t client = -1;
    struct wasix_address peer;
    if (wasix_sock_accept_v2(file, 0, &client, &peer) != 0) continue;
    char text[4096] = "heard ";
    int got = receive(client, text + 6, sizeof text - 6);
    if (got >= 0) send_text(client, text, (uint32_t)got + 6);
    close(client);
  }
}

/** A negative number for what is none of these. */
static int wasix(int count, char **words) {
  if (strcmp(words[0], "stty") == 0) {
    struct wasix_tty tty = {0};
    if (wasix_tty_get(&tty) != 0) return 1;
    return printf("%u %u\n", tty.rows, tty.columns) < 0;
  }
  if (strcmp(words[0], "connect") == 0 && count > 2) return connect_to(words[1], words[2]);
  if (strcmp(words[0], "serve") == 0 && count > 1) return serve(words[1]);
  return -1;
}
