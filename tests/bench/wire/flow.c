// The kernel's end of a bulk transfer.
//
//   flow source HOST PORT CONGESTION   connects, writes until the other end resets or it is killed
//   flow sink PORT SECONDS             accepts one connection, reads for so long, resets it
//
// A sink says "listening", and in the end one JSON object: "bytes" that it has read in "seconds",
// counted from the acceptance. What the source had sent and the sink had not read counts for
// nothing.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 17];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

// Closing resets: nothing of this run is left for the next one.
static void reset_on_close(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static int source(const char *host, int port, const char *congestion) {
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, host, &peer.sin_addr) != 1) die(host);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, strlen(congestion)) < 0)
    die(congestion);
  if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0) die("connect");
  reset_on_close(fd);
  while (send(fd, buffer, sizeof buffer, MSG_NOSIGNAL) > 0) {
  }
  return 0;
}

static int sink(int port, double seconds) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
  int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
  if (listen(listener, 1) < 0) die("listen");
  puts("listening");
  fflush(stdout);
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) die("accept");
  reset_on_close(fd);
  struct timeval patience = {.tv_usec = 10000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  double started = now(), end = started + seconds, t;
  uint64_t bytes = 0;
  while ((t = now()) < end) {
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n == 0) break;
    if (n > 0) bytes += n;
  }
  printf("{\"bytes\":%lu,\"seconds\":%.6f}\n", bytes, t - started);
  return 0;
}

int main(int argc, char **argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL); // It does not outlive who started it.
  if (argc == 5 && !strcmp(argv[1], "source")) return source(argv[2], atoi(argv[3]), argv[4]);
  if (argc == 4 && !strcmp(argv[1], "sink")) return sink(atoi(argv[2]), atof(argv[3]));
  fprintf(stderr, "usage: %s source HOST PORT CONGESTION | sink PORT SECONDS\n", argv[0]);
  return 2;
}
