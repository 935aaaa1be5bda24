// Load generator of the benchmark, for what wrk does not do.
//
//   client echo     HOST PORT SECONDS CONNECTIONS   64 bytes there and back, again and again
//   client download HOST PORT SECONDS CONNECTIONS   reads as fast as it can
//   client upload   HOST PORT SECONDS CONNECTIONS   writes as fast as it can, then waits for the end
//   client connect  HOST PORT SECONDS CONNECTIONS   connects, asks once, reads to the end, again
//
// Prints one JSON object: "seconds" and "cpu" (of this client) always; "count" of round trips or
// connections, or "bytes"; "p50" and "p99" in microseconds (echo); "jain", which is 1 when every
// connection moved as much as any other (download, upload); "errors".

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ECHO_BYTES = 64, MAX_CONNECTIONS = 4096, MAX_SAMPLES = 8 << 20, BUFFER = 1 << 18 };

struct connection {
  int fd;
  int connecting;
  uint64_t bytes;    // moved in all
  uint32_t received; // of the current answer
  double started;    // of the current round trip
};

static struct connection connections[MAX_CONNECTIONS];
static char buffer[BUFFER];
static float *samples; // microseconds
static uint64_t count, bytes, errors;
static struct sockaddr_in server;
static int epoll;
static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void watch(struct connection *c, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  if (epoll_ctl(epoll, operation, c->fd, &event) < 0) die("epoll_ctl");
}

// Starts to connect; the caller is told by EPOLLOUT.
static void open_connection(struct connection *c) {
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) die("socket");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  c->connecting = 1;
  c->received = 0;
  if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
    die("connect");
  watch(c, EPOLLOUT, EPOLL_CTL_ADD);
}

static void close_connection(struct connection *c) {
  close(c->fd);
  c->fd = -1;
}

static int send_all(struct connection *c, const char *data, size_t length) {
  return send(c->fd, data, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static int connected(struct connection *c) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  c->connecting = 0;
  return error == 0;
}

// Each of these handles one event of a connection; 0 says that the connection failed.

static int on_echo(struct connection *c, uint32_t events) {
  if (c->connecting) {
    if (!connected(c)) return 0;
    watch(c, EPOLLIN, EPOLL_CTL_MOD);
    c->started = now();
    return send_all(c, buffer, ECHO_BYTES);
  }
  ssize_t n = recv(c->fd, buffer, ECHO_BYTES - c->received, 0);
  if (n <= 0) return n < 0 && errno == EAGAIN;
  c->received += n;
  if (c->received < ECHO_BYTES) return 1;
  double t = now();
  if (count < MAX_SAMPLES) samples[count] = (t - c->started) * 1e6;
  count++;
  c->received = 0;
  c->started = t;
  return send_all(c, buffer, ECHO_BYTES);
}

static int on_download(struct connection *c, uint32_t events) {
  if (c->connecting) {
    if (!connected(c)) return 0;
    watch(c, EPOLLIN, EPOLL_CTL_MOD);
    return 1;
  }
  ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
  if (n <= 0) return n < 0 && errno == EAGAIN;
  c->bytes += n;
  bytes += n;
  return 1;
}

static int on_upload(struct connection *c, uint32_t events) {
  if (c->connecting && !connected(c)) return 0;
  ssize_t n = send(c->fd, buffer, sizeof buffer, MSG_NOSIGNAL);
  if (n <= 0) return n < 0 && errno == EAGAIN;
  c->bytes += n;
  bytes += n;
  return 1;
}

static int on_connect(struct connection *c, uint32_t events) {
  if (c->connecting) {
    if (!connected(c)) return 0;
    watch(c, EPOLLIN, EPOLL_CTL_MOD);
    return send_all(c, REQUEST, sizeof REQUEST - 1);
  }
  ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
  if (n < 0) return errno == EAGAIN;
  if (n > 0) {
    if (c->received == 0 && memcmp(buffer, "HTTP/1.1 200", 12) != 0) return 0;
    c->received += n;
    return 1;
  }
  if (c->received == 0) return 0;
  count++;
  close_connection(c);
  open_connection(c);
  return 1;
}

static int by_value(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: %s MODE HOST PORT SECONDS CONNECTIONS\n", argv[0]);
    return 2;
  }
  const char *mode = argv[1];
  int (*on_event)(struct connection *, uint32_t) = NULL;
  if (!strcmp(mode, "echo")) on_event = on_echo;
  else if (!strcmp(mode, "download")) on_event = on_download;
  else if (!strcmp(mode, "upload")) on_event = on_upload;
  else if (!strcmp(mode, "connect")) on_event = on_connect;
  int width = atoi(argv[5]);
  if (!on_event || width < 1 || width > MAX_CONNECTIONS) {
    fprintf(stderr, "unknown mode %s, or not 1 to %d connections\n", mode, MAX_CONNECTIONS);
    return 2;
  }
  server.sin_family = AF_INET;
  server.sin_port = htons(atoi(argv[3]));
  if (inet_pton(AF_INET, argv[2], &server.sin_addr) != 1) {
    fprintf(stderr, "not an address: %s\n", argv[2]);
    return 2;
  }
  samples = malloc(MAX_SAMPLES * sizeof *samples);
  epoll = epoll_create1(0);
  memset(buffer, '.', sizeof buffer);

  for (int i = 0; i < width; i++) open_connection(&connections[i]);
  double started = now(), end = started + atof(argv[4]);
  struct epoll_event events[64];
  for (double t = started; t < end; t = now()) {
    int n = epoll_wait(epoll, events, 64, (int)((end - t) * 1e3) + 1);
    for (int i = 0; i < n; i++) {
      struct connection *c = events[i].data.ptr;
      if (c->fd < 0 || on_event(c, events[i].events)) continue;
      errors++;
      close_connection(c);
      if (on_event == on_connect && errors < 1000) open_connection(c);
    }
  }
  double seconds = now() - started;
  if (on_event == on_upload) {
    // What still waits in the socket has not been uploaded: wait until the server has read it all.
    struct timeval limit = {.tv_sec = 10};
    for (int i = 0; i < width; i++) {
      struct connection *c = &connections[i];
      if (c->fd < 0) continue;
      fcntl(c->fd, F_SETFL, 0);
      setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      shutdown(c->fd, SHUT_WR);
      if (recv(c->fd, buffer, sizeof buffer, 0) != 0) errors++;
    }
    seconds = now() - started;
  }

  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
               (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
  double squares = 0;
  for (int i = 0; i < width; i++) squares += (double)connections[i].bytes * connections[i].bytes;
  double jain = bytes ? (double)bytes * bytes / squares / width : 0;
  uint64_t n = count < MAX_SAMPLES ? count : MAX_SAMPLES;
  if (on_event == on_echo) qsort(samples, n, sizeof *samples, by_value);
  else n = 0;
  printf("{\"seconds\":%.6f,\"cpu\":%.6f,\"count\":%lu,\"bytes\":%lu,\"p50\":%.3f,\"p99\":%.3f,"
         "\"jain\":%.4f,\"errors\":%lu}\n",
         seconds, cpu, count, bytes, n ? samples[n / 2] : 0.0, n ? samples[n * 99 / 100] : 0.0,
         jain, errors);
  return 0;
}
