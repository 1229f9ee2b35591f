// What Glibc's Swift module leaves out: epoll, eventfd, signalfd, and the calls that Glibc only declares for GNU sources.
#ifndef FLOODGATE_CLINUX_H
#define FLOODGATE_CLINUX_H

#include <malloc.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <pthread.h>

extern int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);


// A global that Swift 6 does not let through as a variable.
extern char **environ;
static inline char *const *floodgate_environment(void) { return environ; }

#endif
