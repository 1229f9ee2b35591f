#ifndef FLOODGATE_CHIREDIS_H
#define FLOODGATE_CHIREDIS_H

// The reader of replies alone: sockets and commands are ours.
#include <stddef.h>
#include <hiredis/read.h>

#endif
